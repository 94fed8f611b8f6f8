"""The stats socket of a real HAProxy: every option of our table, batches, maps, and what is refused."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pool_executor.lbmgr.haproxy.process import Failed, Haproxy, Serving
from pool_executor.lbmgr.haproxy.runtime import SERVER_OPTIONS, Runtime, SocketFailed
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory
from tests.integration.pool_executor.harness import ROOT
from tests.support.haproxies import BOTH
from tests.support.ports import free_port
from tests.support.tls import pem
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

#: What an option needs beside it to be accepted, and a value for each word that follows it.
_COMPANIONS = {
    "addr": "127.0.0.9",
    "agent-addr": "127.0.0.9 agent-check agent-port 99",
    "agent-check": "agent-port 99",
    "agent-inter": "2s agent-check agent-port 99",
    "agent-port": "99 agent-check",
    "agent-send": "x agent-check agent-port 99",
    "alpn": "h2,http/1.1 ssl verify none",
    "allow-0rtt": "ssl verify none",
    "ca-file": "loaded.pem ssl verify required",
    "check-alpn": "h2 check",
    "check-proto": "h2 check",
    "check-sni": "x check check-ssl verify none",
    "check-ssl": "check verify none",
    "ciphers": "ALL ssl verify none",
    "ciphersuites": "TLS_AES_128_GCM_SHA256 ssl verify none",
    "crt": "loaded.pem ssl verify none",
    "downinter": "1s check",
    "error-limit": "3 check",
    "fall": "3 check",
    "fastinter": "1s check",
    "inter": "1s check",
    "maxconn": "5",
    "maxqueue": "5",
    "minconn": "2 maxconn 5",
    "npn": "x ssl verify none",
    "observe": "layer4 check",
    "on-error": "mark-down check observe layer4",
    "on-marked-down": "shutdown-sessions",
    "on-marked-up": "shutdown-backup-sessions",
    "pool-low-conn": "3",
    "pool-max-conn": "3",
    "pool-purge-delay": "1s",
    "port": "99 check",
    "proto": "h2",
    "proxy-v2-options": "unique-id send-proxy-v2",
    "rise": "2 check",
    "slowstart": "10s",
    "sni": "str(x) ssl verify none",
    "source": "127.0.0.1",
    "ssl": "verify none",
    "ssl-max-ver": "TLSv1.2 ssl verify none",
    "ssl-min-ver": "TLSv1.2 ssl verify none",
    "verify": "none ssl",
    "verifyhost": "x ssl verify none",
    "weight": "5",
    "ws": "h1",
}
# Newer releases take "cookie" as well.
REFUSED = ("resolvers r", "init-addr none", "track app/a", "redir /x", "max-reuse 5", "tcp-ut 5s")


class Running:
    """A HAProxy of the test's own."""

    def __init__(self, binary: str, directory: Path) -> None:
        self.sockets = SocketDirectory()
        self.configs = directory / "configs"
        self.configs.mkdir()
        (self.configs / "loaded.pem").write_bytes(pem(directory, "loaded"))
        self.port = free_port()
        self.admin = self.sockets.path / "admin.sock"
        self.haproxy = Haproxy(
            binary=binary,
            directory=self.configs,
            admin=self.admin,
            master=self.sockets.path / "master.sock",
            log=directory / "haproxy.log",
        )

    def write(self, marker: str, more: str = "") -> None:
        (self.configs / "00.cfg").write_text(
            f"global\n    description {marker}\n    ca-base {self.configs}\n    crt-base {self.configs}\n"
            f"    stats socket {self.admin} level admin expose-fd listeners\n    stats timeout 1d\n"
            "defaults\n    mode http\n    timeout connect 1s\n    timeout client 5s\n    timeout server 5s\n"
            f"frontend f\n    bind 127.0.0.1:{self.port}\n"
            f"    http-request return status 200 content-type text/plain lf-string "
            f"%[path,map_beg({self.configs}/x.map,none)]\n"
            "backend app\n    option httpchk GET /\n    server a 127.0.0.1:9 id 1\n"
            "backend files\n"
            "    server a 127.0.0.1:9 disabled ssl verify required ca-file loaded.pem crt loaded.pem\n"
            f"backend fixed\n    balance source\n{more}"
        )

    def start(self) -> Serving:
        (self.configs / "x.map").write_text("/a one\n")
        self.write("first")
        serving = self.haproxy.start("first", 20)
        assert isinstance(serving, Serving), serving
        return serving


@pytest.fixture(params=BOTH)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """A HAProxy that is gone after the test."""
    made = Running(request.param, tmp_path)
    yield made
    made.haproxy.stop(2)
    made.sockets.close()


def test_every_option_of_the_table_is_accepted(running: Running) -> None:
    """`add server` of every HAProxy takes each option that `decide` believes it to take."""
    runtime = running.start().runtime
    refused = {}
    for number, (option, words) in enumerate(SERVER_OPTIONS.items()):
        companions = _COMPANIONS.get(option, "ssl verify none" if option.startswith(("no-", "force-")) else "")
        assert len(companions.split()) >= words, f"{option} needs {words} words here"
        reply = runtime.ask(f"add server app/n{number} 127.0.0.1:9 id {number + 10} {option} {companions}".rstrip())
        if not reply.ok:
            refused[option] = reply.text
    assert refused == {}
    runtime.close()


def test_what_the_table_leaves_out_is_refused(running: Running) -> None:
    """Options that only the file may use, and a backend with a static balance, answer with an error."""
    runtime = running.start().runtime
    replies = runtime.run([f"add server app/x 127.0.0.1:9 id 99 {option}" for option in REFUSED])
    assert [reply.command for reply in replies if reply.ok] == []
    assert "must use a dynamic load balancing" in runtime.ask("add server fixed/x 127.0.0.1:9 id 5").text
    runtime.close()


def test_many_commands_on_one_connection_keep_their_replies_apart(running: Running) -> None:
    """Each command has its own reply, errors and empty ones included, over several batches and long answers."""
    runtime = running.start().runtime
    commands = [f"add server app/s{number} 127.0.0.1:9 id {number + 10}" for number in range(400)]
    commands[123] = "enable server app/none"
    commands[200] = "show servers state app"
    replies = runtime.run(commands)
    assert [reply.command for reply in replies] == commands
    assert [number for number, reply in enumerate(replies) if not reply.ok] == [123]
    assert replies[123].text == "No such server."
    assert replies[200].text.count("\n") > 190
    assert runtime.run([f"set server app/s{number} state ready" for number in (1, 2)]) != []
    assert not runtime.ask("no such command").ok
    runtime.close()


def test_a_map_is_replaced_as_a_whole_whatever_its_keys(running: Running) -> None:
    """Keys that the command line would split or unquote travel in the payload, over several payloads."""
    runtime = running.start().runtime
    file = f"{running.configs}/x.map"
    entries = [f"/p{number} v{number}" for number in range(2000)] + [
        "/a;b one",
        "/back\\slash two words",
        '/q"uote three',
    ]
    assert runtime.replace_map(file, entries).ok
    shown = [line.partition(" ")[2] for line in runtime.ask(f"show map {file}").text.splitlines()]
    assert shown == entries
    assert runtime.replace_map(file, []).ok
    assert runtime.ask(f"show map {file}").text == ""
    assert not runtime.replace_map("/no/such.map", entries).ok
    runtime.close()


def test_a_reload_is_proven_by_the_new_workers_answer(running: Running) -> None:
    """The new worker has another pid and the new marker; the connection to the old one does not hold it."""
    first = running.start()
    running.write("second")
    second = running.haproxy.reload("second", 20)
    assert isinstance(second, Serving)
    assert second.pid != first.pid
    first.runtime.close()
    wait_until(
        lambda: (found := running.haproxy.processes()) and (found.workers, found.leaving) == ((second.pid,), ()),
        what="the old worker left",
    )
    second.runtime.close()


def test_a_reload_that_fails_is_told_with_haproxys_words(running: Running) -> None:
    """The old worker goes on and answers with the old marker."""
    first = running.start()
    first.runtime.close()
    running.write("second", "backend broken\n    no-such-keyword\n")
    failed = running.haproxy.reload("second", 20)
    assert isinstance(failed, Failed)
    assert "unknown keyword 'no-such-keyword'" in failed.message
    with Runtime(running.admin) as runtime:
        assert runtime.info()["description"] == "first"
        assert runtime.info()["Pid"] == str(first.pid)


def test_a_start_that_fails_is_told_with_haproxys_words(running: Running) -> None:
    """HAProxy's message, without its pid and our directory, instead of a timeout."""
    running.write("first", "backend broken\n    no-such-keyword\n")
    (running.configs / "x.map").write_text("")
    failed = running.haproxy.start("first", 20)
    assert isinstance(failed, Failed)
    assert failed.message.startswith("parsing [00.cfg:")
    assert running.haproxy.master is None


def test_a_socket_that_nobody_serves_fails_at_once(tmp_path: Path) -> None:
    """The error names the path."""
    with pytest.raises(SocketFailed, match=r"gone\.sock"):
        Runtime(tmp_path / "gone.sock")


REMOVED_UNDER_LOCK = """
import fcntl, os, pathlib, sys
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory

dead = SocketDirectory()
os.close(dead._lock)  # what the kernel does when a process is killed

def look(event, arguments):
    if event == "shutil.rmtree" and pathlib.Path(arguments[0]) == dead.path:
        try:
            fcntl.flock(os.open(dead.path / "lock", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("locked")
        else:
            print("free")

sys.addaudithook(look)
SocketDirectory().close()
"""


def test_a_leftover_is_removed_under_its_lock() -> None:
    """Who made the directory just now and waits for the lock must not be given one that is about to be removed."""
    done = subprocess.run(
        [sys.executable, "-c", REMOVED_UNDER_LOCK], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert "locked" in done.stdout.split()
    assert "free" not in done.stdout.split()


def test_sockets_of_a_dead_owner_are_removed() -> None:
    """The next instance on the host cleans up what a killed one left, and leaves living ones alone."""
    living, dead = SocketDirectory(), SocketDirectory()
    os.close(dead._lock)  # what the kernel does when a process is killed
    third = SocketDirectory()
    assert living.path.exists()
    assert not dead.path.exists()
    assert living.path.stat().st_mode & 0o777 == 0o700
    living.close()
    third.close()
    assert not living.path.exists()
