"""A whole embedded Mesos on this machine: masters and agents as child processes, started, watched, killed and
started again.

Knows processes and directories; what they say to each other is theirs. `python -m sdk.local.cluster --help` runs one by
hand.
"""

import argparse
import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sdk.end_signals import on_end_signals
from sdk.errors import EnvironmentProblem
from sdk.local import processes
from sdk.local.atomic import write_atomically
from sdk.local.claim import InUse, lock
from sdk.local.flags import tcp_port
from sdk.local.isolation import remove_groups
from sdk.zookeeper_address import argument

_ROOT = Path(__file__).resolve().parents[2]
_BACKOFF_MIN, _BACKOFF_MAX = 0.2, 5.0
_START = 60.0
"""Seconds until all agents are there, on a machine that has much else to do. Who ends at once is noticed at once."""
PUBLIC_ROLE = "slave_public"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """One agent: name (also its hostname), resources and attributes in the language of the agent's flags."""

    name: str
    resources: str
    attributes: str = ""
    flags: tuple[str, ...] = ()
    """More of the agent's flags, such as `--enforce-container-disk-quota`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The times of a cluster in seconds; tests set them low."""

    allocation_interval: float = 1.0
    agent_ping_timeout: float = 15.0
    max_agent_ping_timeouts: int = 5
    agent_reregister_timeout: float = 600.0
    executor_registration_timeout: float = 60.0
    executor_reregistration_timeout: float = 15.0
    executor_shutdown_grace_period: float = 5.0
    recovery_timeout: float = 900.0
    zk_session_timeout: float = 10.0
    """After so long without a word of a master another one leads."""


def standard_agents(first_port: int, *, ports_each: int = 250, public_extra_ports: str = "") -> list[AgentSpec]:
    """Two public and two private agents with disjoint port ranges from `first_port` on.

    All that a public agent has is statically reserved for `slave_public`. `public_extra_ports` (such as `80-80`) are
    added to the first public agent only: two servers on one machine must not share a fixed port.
    """
    agents = []
    for index in range(4):
        begin = first_port + index * ports_each
        spans = f"{begin}-{begin + ports_each - 1}"
        public = index < 2
        if index == 0 and public_extra_ports:
            spans = f"{public_extra_ports},{spans}"
        role = f"({PUBLIC_ROLE})" if public else ""
        agents.append(
            AgentSpec(
                name=f"agent{index + 1}",
                resources=f"cpus{role}:4;mem{role}:8192;disk{role}:20000;ports{role}:[{spans}]",
                attributes=f"{'public_ip:true;' if public else ''}rack:r{index % 2 + 1}",
            )
        )
    return agents


class Process(Protocol):
    """A running member: what is needed of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Its status when it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Its status, as soon as it has ended."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """SIGKILL."""


@dataclass(slots=True, kw_only=True)
class Member:
    """One child process of the cluster: wanted or not, and its current process."""

    name: str
    command: list[str]
    directory: Path
    port: int
    is_master: bool = False
    wanted: bool = False
    process: Process | None = None
    started: float = 0.0
    backoff: float = _BACKOFF_MIN
    restart_at: float | None = None
    restarts: int = field(default=0)

    @property
    def ending(self) -> str:
        """How its last process ended."""
        status = self.process.poll() if self.process is not None else None
        if status is None or status >= 0:
            return f"ended with status {status}; its log is {self.directory / 'log'}"
        return f"was killed by {signal.Signals(-status).name}"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None


class Cluster:
    """A master on `port` and agents on the ports after it; everything lives below `directory` and survives
    `stop`/`start`.

    With `zk` and several `masters` one of them leads; `master2` and so on listen on the ports after the agents'. What
    must outlive a leader is in one registry file for all.

    With `restart` a member that dies is started again with backoff; `kill` and `stop_member` say that it shall stay
    dead.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        agents: Sequence[AgentSpec],
        *,
        timing: Timing | None = None,
        zk: str | None = None,
        masters: int = 1,
        ip: str = "127.0.0.1",
        restart: bool = False,
        credentials: tuple[str, str] | None = None,
        tell: Callable[[str], object] = lambda _: None,
        popen: Callable[..., Process] = subprocess.Popen,
    ) -> None:
        """`credentials`, principal and secret, is what masters then want to see of everybody.

        `tell` gets a sentence about each member that died and is started again. `popen` starts members; whoever starts
        very many may know a cheaper way.
        """
        self.directory = directory.absolute()
        self.ip = ip
        self.port = port
        self._restart = restart
        self._credentials = credentials
        self.zk = zk
        self._timing = timing or Timing()
        self._lock = threading.RLock()
        self._watcher: threading.Thread | None = None
        self._closing = threading.Event()
        self._claimed: int | None = None
        self._tell = tell
        self._popen = popen
        if masters < 1 or (masters > 1 and zk is None):
            raise ValueError(f"masters: {masters} is not possible: one, or several that find each other through zk")
        self.members: dict[str, Member] = {"master": self._master("master", port)}
        for index, spec in enumerate(agents):
            self.members[spec.name] = self._agent(spec, port + 1 + index)
        for number in range(2, masters + 1):
            self.members[f"master{number}"] = self._master(f"master{number}", port + len(agents) + number - 1)

    def _master(self, name: str, port: int) -> Member:
        directory, timing = self.directory / name, self._timing
        command = [
            sys.executable, "-m", "sdk.local.master", "--ip", self.ip, "--port", str(port), "--hostname", self.ip,
            "--work-dir", str(directory), "--registry-file", str(self.directory / "master" / "registry.json"),
            "--zk-session-timeout", str(timing.zk_session_timeout),
            "--allocation-interval", str(timing.allocation_interval),
            "--agent-ping-timeout", str(timing.agent_ping_timeout),
            "--max-agent-ping-timeouts", str(timing.max_agent_ping_timeouts),
            "--agent-reregister-timeout", str(timing.agent_reregister_timeout),
            *(["--zk", self.zk] if self.zk else []),
            *(["--credentials", str(self.directory / "credentials")] if self._credentials else []),
        ]  # fmt: skip
        return Member(name=name, command=command, directory=directory, port=port, is_master=True)

    def _agent(self, spec: AgentSpec, port: int) -> Member:
        directory, timing = self.directory / spec.name, self._timing
        command = [
            sys.executable, "-m", "sdk.local.agent", "--master", self.zk or f"{self.ip}:{self.port}", "--ip", self.ip,
            "--port", str(port), "--hostname", spec.name, "--work-dir", str(directory), "--resources", spec.resources,
            "--attributes", spec.attributes, "--recovery-timeout", str(timing.recovery_timeout),
            "--executor-registration-timeout", str(timing.executor_registration_timeout),
            "--executor-reregistration-timeout", str(timing.executor_reregistration_timeout),
            "--executor-shutdown-grace-period", str(timing.executor_shutdown_grace_period), *spec.flags,
        ]  # fmt: skip
        return Member(name=spec.name, command=command, directory=directory, port=port)

    # --- addresses ------------------------------------------------------------------------------------------------

    @property
    def master_address(self) -> str:
        """`host:port` of the (first) master."""
        return f"{self.ip}:{self.port}"

    @property
    def url(self) -> str:
        """Where the (first) master's page and APIs are; one that does not lead sends everybody to the leader."""
        return f"http://{self.master_address}"

    @property
    def masters(self) -> dict[str, str]:
        """`host:port` of every master by its name."""
        return {item.name: f"{self.ip}:{item.port}" for item in self.members.values() if item.is_master}

    @property
    def agents(self) -> dict[str, str]:
        """`host:port` of every agent by its name."""
        return {item.name: f"{self.ip}:{item.port}" for item in self.members.values() if not item.is_master}

    def pids(self) -> dict[str, int | None]:
        """Process ids by member, None for one that does not run."""
        with self._lock:
            return {name: member.pid for name, member in self.members.items()}

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self, timeout: float = _START) -> None:
        """Start all members and return once every agent is registered."""
        self._closing.clear()
        self._claim()
        self._end_stale()
        if self._credentials is not None:
            file = self.directory / "credentials"
            file.touch(mode=0o600)
            file.write_text(" ".join(self._credentials) + "\n")
        for member in self.members.values():
            _require_free(self.ip, member.port, member.name)
        for name in self.members:
            self.start_member(name)
        if self._restart and self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="embedded-mesos", daemon=True)
            self._watcher.start()
        try:
            self.wait_for_agents(len(self.agents), timeout)
        except EnvironmentProblem:
            self.stop()
            raise

    def end_leftovers(self) -> bool:
        """End all that an earlier supervisor left running when it was killed; False when there was nothing."""
        self._claim()
        try:
            members, executors = self._end_stale(), self.end_executors()
            return members or executors
        finally:
            self._release()

    def _claim(self) -> None:
        """Have the directory for ourselves: what runs there is then a leftover, and not another cluster."""
        if self._claimed is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            try:
                self._claimed = lock(self.directory, "cluster", "choose another directory")
            except InUse as error:
                raise EnvironmentProblem(str(error)) from None

    def _release(self) -> None:
        if self._claimed is not None:
            os.close(self._claimed)
            self._claimed = None

    def _end_stale(self) -> bool:
        """End members that an earlier supervisor left when it was killed; executors go on and are found again."""
        ended = False
        running = {member.directory for member in self.members.values() if member.pid is not None}
        # Of all folders, not of all members: the earlier run may have had more masters.
        for file in self.directory.glob("*/process.json"):
            if file.parent in running:
                continue
            try:
                content = json.loads(file.read_bytes())
                pid, start = int(content["pid"]), content["start"]
            except (ValueError, KeyError, TypeError):
                # Only a crash of the machine leaves half a file, and no process.
                continue
            deadline = time.monotonic() + 5.0
            while processes.start_time(pid) == start is not None:
                ended = True
                processes.send([pid], signal.SIGKILL)
                if time.monotonic() > deadline:
                    raise EnvironmentProblem(f"{file.parent.name} of an earlier run (pid {pid}) cannot be ended")
                time.sleep(0.02)
        return ended

    def wait_for_agents(self, count: int, timeout: float = 20.0) -> None:
        """Return once that many agents are connected to the master."""
        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(OSError, ValueError):
                active = [item for item in self.get("/slaves")["slaves"] if item["active"]]
                if len(active) >= count:
                    return
            for member in self.members.values():
                if member.wanted and member.pid is None and not self._restart:
                    raise EnvironmentProblem(f"{member.name} ended at once; see {member.directory / 'log'}")
            if time.monotonic() > deadline:
                raise EnvironmentProblem(
                    f"the embedded Mesos on {self.master_address} did not have {count} agents within {timeout:g} s; "
                    f"see the files called log below {self.directory}"
                )
            time.sleep(0.02)

    def get(self, path: str) -> Any:
        """A JSON document of the leading master; OSError while there is none."""
        problem: OSError | None = None
        for address in self.masters.values():
            try:
                request = urllib.request.Request(f"http://{address}{path}", headers=self._authorization())
                with urllib.request.urlopen(request, timeout=5.0) as response:  # noqa: S310 - our own masters
                    return json.load(response)
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                problem = error
        assert problem is not None
        raise problem

    def _authorization(self) -> dict[str, str]:
        if self._credentials is None:
            return {}
        known = base64.b64encode(":".join(self._credentials).encode()).decode("ascii")
        return {"Authorization": f"Basic {known}"}

    def start_member(self, name: str) -> None:
        """Start one member that does not run."""
        with self._lock:
            member = self.members[name]
            if member.pid is not None:
                return
            member.directory.mkdir(parents=True, exist_ok=True)
            with (member.directory / "log").open("ab") as log:
                member.process = self._popen(
                    # The kernel ends the member when this process is gone, so that kill -9 leaves no cluster behind.
                    ["setpriv", "--pdeathsig", "TERM", "--", *member.command],
                    cwd=_ROOT,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            content = {"pid": member.process.pid, "start": processes.start_time(member.process.pid)}
            try:
                write_atomically(member.directory / "process.json", json.dumps(content).encode())
            except OSError:
                # What is not noted would not be found again.
                member.process.kill()
                member.process.wait()
                raise
            member.wanted = True
            member.started = time.monotonic()
            member.restart_at = None

    def kill(self, name: str) -> None:
        """SIGKILL one member, as a crash; it stays dead until `start_member`. An agent's executors go on."""
        self._end(name, signal.SIGKILL)

    def crash(self, name: str) -> None:
        """SIGKILL one member and leave the rest to `restart`."""
        with self._lock:
            process = self.members[name].process
            if process is not None and process.poll() is None:
                process.kill()

    def stop_member(self, name: str) -> None:
        """SIGTERM one member; it stays stopped until `start_member`. An agent's executors go on."""
        self._end(name, signal.SIGTERM)

    def send_signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP for a partition and SIGCONT for its end."""
        pid = self.members[name].pid
        if pid is not None:
            os.kill(pid, number)

    def _end(self, name: str, number: signal.Signals) -> None:
        with self._lock:
            member = self.members[name]
            member.wanted = False
            member.restart_at = None
            process = member.process
            member.process = None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End all members, agents first, and every executor that they left behind."""
        self._closing.set()
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join()
        self._watcher = None
        names = [*self.agents, *self.masters]
        with self._lock:
            for name in names:
                self.members[name].wanted = False
        threads = [threading.Thread(target=self._end, args=(name, signal.SIGTERM)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.end_executors()
        self._release()

    def end_executors(self) -> bool:
        """Kill what runs in the sandboxes of agents that do not run; False when there was nothing."""
        ended = False
        for member in self.members.values():
            if member.is_master or member.pid is not None:
                continue
            for file in (member.directory / "meta" / "containers").glob("*.json"):
                content = json.loads(file.read_bytes())
                pid = content["pid"]
                leader = pid if processes.start_time(pid) == content["start"] else None
                ended = processes.kill_all(content["sandbox"], leader) or ended
            remove_groups(member.directory)
        return ended

    def _watch(self) -> None:
        while not self._closing.wait(0.1):
            now = time.monotonic()
            with self._lock:
                for member in self.members.values():
                    if not member.wanted or member.pid is not None:
                        continue
                    if member.restart_at is None:
                        # A member that ran for a while starts again at once; one that dies at once waits longer and
                        # longer.
                        stable = now - member.started > _BACKOFF_MAX
                        member.backoff = _BACKOFF_MIN if stable else min(member.backoff * 2, _BACKOFF_MAX)
                        member.restart_at = now + member.backoff
                        self._tell(f"{member.name} {member.ending}; starting it again in {member.backoff:g} s")
                    elif now >= member.restart_at:
                        member.restarts += 1
                        try:
                            self.start_member(member.name)
                        except OSError as error:
                            # As on a full disk, which somebody makes room on sooner or later.
                            member.restart_at = now + _BACKOFF_MAX
                            self._tell(f"{member.name} cannot be started: {error}; trying again in {_BACKOFF_MAX:g} s")


def _environment() -> dict[str, str]:
    """A small environment: agents hand theirs on to tasks, and a task must not depend on the shell that started the
    cluster.
    """
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _require_free(ip: str, port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as error:
            raise EnvironmentProblem(f"{name} cannot listen on {ip}:{port}: {error.strerror}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run a cluster until Ctrl-C or SIGTERM."""
    result = argparse.ArgumentParser(
        prog="python -m sdk.local.cluster",
        description="An embedded Mesos for development and tests: a master and four agents, two of them public. "
        "Production is a real Mesos cluster.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    result.add_argument("--directory", type=Path, default=Path(".local/mesos"), help="sandboxes, registry and logs")
    result.add_argument("--port", type=tcp_port, default=5050, help="of the master; agents take the following ones")
    result.add_argument("--task-ports", type=tcp_port, default=16000, help="first of the ports that agents offer")
    result.add_argument("--public-extra-ports", default="", help="ranges like 80-80 that only the first agent offers")
    result.add_argument("--zk", type=argument, default=None, help="zk://host:port/path: publish the master there")
    result.add_argument("--masters", type=int, default=1, help="so many, of which one leads; needs --zk")
    options = result.parse_args(argv)
    agents = standard_agents(options.task_ports, public_extra_ports=options.public_extra_ports)
    try:
        cluster = Cluster(options.directory, options.port, agents, zk=options.zk, masters=options.masters, restart=True)
    except ValueError as error:
        result.error(str(error))
    ended = threading.Event()
    on_end_signals(lambda _: ended.set())
    try:
        cluster.start()
    except EnvironmentProblem as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Embedded Mesos: {cluster.url}/ with {', '.join(cluster.members)}\n")
    sys.stdout.flush()
    ended.wait()
    cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
