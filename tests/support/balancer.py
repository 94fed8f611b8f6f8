"""A real HAProxy on the rendered files of a pool, without lbmgr and without Mesos."""

import http.client
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import GLOBAL_FILE, render
from api.dcos_template.selecting.endpoint import Endpoint, Kind
from scheduler.pools.model import Pool
from tests.golden.test_haproxy_config import write
from tests.support.haproxies import SYSTEM
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import COOKIE_KEY


class Answer(NamedTuple):
    """What a client got."""

    status: int
    body: str
    headers: Mapping[str, str]


class Haproxy:
    """HAProxy on the files of a pool whose backends answer with their own name."""

    def __init__(
        self,
        directory: Path,
        shape: Pool,
        servers: Mapping[str, tuple[Endpoint, ...]] | None = None,
        shorter: Mapping[str, str] | None = None,
        answer: str = "",
        bind: str = "",
        binary: str = SYSTEM,
        answers: Mapping[str, int] | None = None,
        template: str = "",
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """`servers` instead of HAProxy's own answers; `shorter` maps lines of the global file to quicker ones.

        `answer` is what HAProxy's own answers return, instead of the backend's name, and `bind` how they listen;
        `answers` are their ports by backend. `template` is the pool's own, `files` are those that the
        instance has, such as `secrets/ca.pem`.
        """
        self.shape = shape
        self.ports = {name: free_port() for name in ("stats", *(one.name for one in shape.haproxy.frontends))}
        self.answers = answers = dict(answers or {one.name: free_port() for one in shape.haproxy.backends})
        own = {name: (Endpoint(Kind.AGENT_IP, "127.0.0.1", port),) for name, port in answers.items()}
        self.socket = directory / "s"
        write(
            directory,
            render(build_config(shape, COOKIE_KEY), template),
            servers or own,
            self.ports,
            stats_socket=f'"{self.socket}" mode 600 level admin',
        )
        for name, data in (files or {}).items():
            (directory / "material" / name).write_bytes(data)
        path = directory / GLOBAL_FILE
        for line, quicker in (shorter or {}).items():
            assert f"    {line}\n" in path.read_text()
            path.write_text(path.read_text().replace(f"    {line}\n", f"    {quicker}\n"))
        # HAProxy itself answers as the servers, which are not what is tested here.
        lines = []
        for name, port in answers.items():
            lines += [
                f"frontend answer-{name}",
                "    mode http",
                "    timeout client 5s",
                f"    bind 127.0.0.1:{port} {bind}",
            ]
            returned = answer or f'status 200 content-type text/plain string "{name}"'
            lines += [f"    http-request return {returned}"]
        (directory / "99-answers.cfg").write_text("\n".join([*lines, ""]))
        named = sorted(path.name for path in directory.glob("*.cfg"))
        arguments = [argument for file in named for argument in ("-f", file)]
        self._log = (directory / "log").open("w")
        self.process = subprocess.Popen([binary, *arguments], cwd=directory, stdout=self._log, stderr=self._log)
        wait_until(lambda: self.get("stats", "/_haproxy_health_check")[0] == 200, what="HAProxy")

    def get(
        self, port: str, path: str, host: str | None = "x", method: str = "GET", address: str = "127.0.0.1"
    ) -> tuple[int, str]:
        """Status and body."""
        answer = self.ask(port, path, host, method, address)
        return answer.status, answer.body

    def ask(
        self,
        port: str,
        path: str,
        host: str | None = "x",
        method: str = "GET",
        address: str = "127.0.0.1",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The whole answer of the listener of that name."""
        connection = http.client.HTTPConnection(address, self.ports[port], timeout=5)
        try:
            connection.putrequest(method, path, skip_host=True)
            if host is not None:
                connection.putheader("Host", host)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(), dict(answer.getheaders()))
        finally:
            connection.close()

    def command(self, line: str) -> str:
        """An order to the running HAProxy, and its answer."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.socket))
            client.sendall(f"{line}\n".encode())
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)
        self._log.close()
