"""Programs of ours that begin as forks of a process that has imported what they import: most of what a start costs.

    process = popen([sys.executable, "-m", "sdk.local.agent", *options], cwd=ROOT, stdout=log, stderr=log)

is `subprocess.Popen`, but that `python -m` of the modules named below begins so: a process of its own, with its own
arguments, folder, environment and output. Only what /proc shows of how it was started is that of the process that was
forked.
"""

import atexit
import ctypes
import functools
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

MODULES = ("sdk.local.agent", "sdk.local.master", "pool_executor.lbmgr")
_DYING = ("setpriv", "--pdeathsig", "TERM", "--")
_PR_SET_PDEATHSIG = 1
_ROOT = Path(__file__).resolve().parents[2]
_MOST = 1 << 20


class Forked:
    """A running program: what its users need of `subprocess.Popen`."""

    def __init__(self, arguments: Sequence[str], pid: int) -> None:
        self.args, self.pid = arguments, pid
        self.returncode: int | None = None
        self._over = threading.Event()

    def poll(self) -> int | None:
        """Its status when it has ended."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its status, as soon as it has ended."""
        if not self._over.wait(timeout):
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def ended(self, status: int) -> None:
        """Say that it has, with the status that the kernel gave."""
        self.returncode = os.waitstatus_to_exitcode(status)
        self._over.set()


Process = subprocess.Popen[bytes] | Forked


def popen(
    command: Sequence[str],
    *,
    cwd: Path,
    stdout: IO[bytes],
    stderr: IO[bytes],
    stdin: int = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    start_new_session: bool = False,
) -> Process:
    """Start it; its output and what it complains of go to one file."""
    assert stdin == subprocess.DEVNULL
    assert stdout is stderr
    dying = tuple(command[: len(_DYING)]) == _DYING
    words = list(command[len(_DYING) :] if dying else command)
    if words[:2] == [sys.executable, "-m"] and words[2] in MODULES:
        request = {"words": words[3:], "cwd": str(cwd), "env": dict(os.environ if env is None else env)}
        return _nursery(words[2]).begin(command, request | {"dying": dying, "session": start_new_session}, stdout)
    return subprocess.Popen(
        command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=start_new_session
    )


@functools.cache
def _nursery(module: str) -> "_Nursery":
    return _Nursery(module)


class _Nursery:
    """The process that is forked, for one module; any thread may ask. It lives as long as this one."""

    def __init__(self, module: str) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, module], cwd=_ROOT, stdin=theirs.fileno(), start_new_session=True
            )
        self._asking = threading.Lock()
        self._answered = threading.Condition()
        self._forked: dict[int, Forked] = {}
        self._early: dict[int, int] = {}
        self._begun: list[int] = []
        threading.Thread(target=self._listen, name=f"nursery of {module}", daemon=True).start()
        atexit.register(self._close)

    def begin(self, command: Sequence[str], request: Mapping[str, Any], log: IO[bytes]) -> Forked:
        """The forked process."""
        with self._asking:
            socket.send_fds(self._channel, [json.dumps(request).encode()], [log.fileno()])
            with self._answered:
                assert self._answered.wait_for(lambda: self._begun, 60), "no process was forked"
                forked = Forked(command, self._begun.pop())
                if (status := self._early.pop(forked.pid, None)) is not None:
                    forked.ended(status)
                else:
                    self._forked[forked.pid] = forked
        return forked

    def _listen(self) -> None:
        while data := self._channel.recv(_MOST):
            said = json.loads(data)
            with self._answered:
                if "status" not in said:
                    self._begun.append(said["pid"])
                elif said["pid"] in self._forked:
                    self._forked.pop(said["pid"]).ended(said["status"])
                else:
                    self._early[said["pid"]] = said["status"]
                self._answered.notify_all()

    def _close(self) -> None:
        self._channel.shutdown(socket.SHUT_WR)
        self._process.wait(20)
        self._channel.close()


def _forked() -> list[str] | None:
    """Fork whenever somebody asks for it, and tell of each end. Returns the words for it in a fork, None at the end."""
    channel = socket.socket(fileno=os.dup(0))
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                os.read(woken, 4096)
                _tell_ends(channel)
            if channel not in ready:
                continue
            data, files, _, _ = socket.recv_fds(channel, _MOST, 1)
            if not data:
                return None
            request = json.loads(data)
            pid = os.fork()
            if pid == 0:
                # By their objects: those would close later whatever has the same numbers by then.
                signal.set_wakeup_fd(-1)
                selector.close()
                channel.close()
                for file in (woken, waker):
                    os.close(file)
                _become(request, files[0])
                return list(request["words"])
            os.close(files[0])
            channel.send(json.dumps({"pid": pid}).encode())


def _tell_ends(channel: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        channel.send(json.dumps({"pid": pid, "status": status}).encode())


def _become(request: Mapping[str, Any], log: int) -> None:
    """What a start from nothing would have given it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if request["session"]:
        os.setsid()
    if request["dying"] and ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM):
        raise OSError("prctl")
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, stream in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(ours, stream)
    for file in (nothing, log):
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])


def main() -> None:
    """Import what the module imports, and be forked."""
    module = sys.argv[1]
    name = f"{module}.__main__" if (_ROOT / module.replace(".", "/")).is_dir() else module
    importlib.import_module(name)
    # It is run as the program, a second time in its name.
    del sys.modules[name]
    if (words := _forked()) is not None:
        sys.argv = [module, *words]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
