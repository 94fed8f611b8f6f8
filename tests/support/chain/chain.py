"""The processes between Mesos and clients, and pools with one load balancer each.

    with Chain(directory, zookeeper.address, root) as chain, chain.pool("web", tasks=3) as pool:
        pool.serves(*pool.tasks)

Knows how they are started, ended and asked from outside: requests, HAProxy's statistics, the API. Does not know what
stands in ZooKeeper.
"""

import csv
import http.client
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import urllib3

from tests.support.chain.applications import Applications
from tests.support.chain.mesos import Mesos
from tests.support.chain.process import Process, edgelb, lbmgr
from tests.support.chain.proxy import Proxy
from tests.support.ports import free_port
from tests.support.wait import wait_until

#: Seconds that anything may take on a machine that does much else.
PATIENCE = 60.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A task of an application: its id, which is also what it answers, and its port."""

    id: str
    port: int


class Chain:
    """Mesos, listener, template, API server, and load balancers on demand. A context manager.

    Template and load balancers reach ZooKeeper through `zookeeper`, a proxy; the API server reaches it directly.
    So do listeners with Mesos, through `ways_to_mesos`, one for each of them.
    """

    def __init__(self, directory: Path, zookeeper: str, root: str, *, listeners: int = 1) -> None:
        self.directory, self.root = directory, root
        self.mesos, self.applications, self.zookeeper = Mesos(), Applications(), Proxy(zookeeper)
        self.ways_to_mesos = [Proxy(self.mesos.address) for _ in range(listeners)]
        self.template_health, api = free_port(), free_port()
        self._listener_healths = [free_port() for _ in range(listeners)]
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(listeners)]
        self.listeners = [
            edgelb(
                *(directory, f"listener-{number}", "listener", "--mesos", way.address, "--listen", address),
                *("--health-listen", f"127.0.0.1:{health}"),
            )
            for number, (way, address, health) in enumerate(
                zip(self.ways_to_mesos, addresses, self._listener_healths, strict=True)
            )
        ]
        self.listener = self.listeners[0]
        self.template = edgelb(
            *(directory, "template", "template", "--zk", self.zookeeper.address, "--zk-root", root),
            *("--listener", ",".join(addresses), "--health-listen", f"127.0.0.1:{self.template_health}"),
        )
        self._api = edgelb(
            directory, "api", "api", "--zk", zookeeper, "--zk-root", root, "--listen", f"127.0.0.1:{api}"
        )
        self.api = f"http://127.0.0.1:{api}"
        self._http = urllib3.PoolManager(retries=False, timeout=20)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            parts: Sequence[AbstractContextManager[object]]
            parts = (self.mesos, self.applications, self.zookeeper, *self.ways_to_mesos)
            for part in parts:
                opening.enter_context(part)
            for process in (self._api, *self.listeners, self.template):
                process.start()
                opening.callback(process.stop)
            for health in self._listener_healths:
                wait_until(partial(_complete, health), PATIENCE, "a listener")
            wait_until(lambda: self.call("GET", "/v2/pools") is not None, PATIENCE, "the API server")
            wait_until(lambda: self.metric("edgelb_template_leading") == 1, PATIENCE, "the template")
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    # -- asked from outside

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """The answer of the API, which has to be a good one."""
        answer = self._http.request(method, self.api + path, json=body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.data.decode()[:500]}"
        return answer.json() if answer.data else None

    def metric(self, name: str) -> float | None:
        """A metric without labels of the template process; None when it is not told."""
        return _metric(self.template_health, name)

    # -- pools

    @contextmanager
    def pool(
        self, name: str, *, tasks: int = 0, before: Sequence[str] = (), options: Sequence[str] = ()
    ) -> "Iterator[Pool]":
        """A pool with a load balancer and `tasks` running tasks that answer; gone afterwards.

        `options` are words of lbmgr's command line, `before` stand in front of it.
        """
        pool = Pool(self, name, before, options)
        for _ in range(tasks):
            pool.start()
        self.call("POST", "/v2/pools", pool.document())
        with ExitStack() as end:
            end.callback(pool.instance.stop)
            end.callback(self.call, "DELETE", f"/v2/pools/{name}")
            end.callback(pool.end_all)
            pool.instance.start()
            if pool.tasks:
                pool.serves(*pool.tasks)
            else:
                wait_until(lambda: pool.get()[0] == 503, PATIENCE, f"HAProxy of {name}")
            yield pool


class Pool:
    """A pool whose backend `app` has the tasks of an application of its own, behind one load balancer."""

    def __init__(self, chain: Chain, name: str, before: Sequence[str], options: Sequence[str]) -> None:
        self.chain, self.name = chain, name
        self.application = f"app-of-{name}"
        self.tasks: list[Task] = []
        """Those that run and answer."""
        self.web, self.stats = free_port(), free_port()
        self._started = 0
        sandbox = chain.directory / name
        sandbox.mkdir()
        self.sandbox = sandbox
        self.instance: Process = lbmgr(
            *(chain.directory, f"lbmgr-{name}", "--zk", chain.zookeeper.address, "--zk-root", chain.root),
            *("--pool", name, "--task-id", f"task-of-{name}", "--sandbox", str(sandbox)),
            *("--ports", f"web={self.web},stats={self.stats}", "--kill-grace", "1", *options),
            before=before,
        )

    def document(self, **changes: Any) -> Json:
        """The pool for the API."""
        service = {"mesos": {"frameworkName": "marathon", "taskName": self.application}}
        return {
            "name": self.name,
            "count": 1,
            "haproxy": {
                "stats": {"bindAddress": "127.0.0.1", "bindPort": 0},
                "frontends": [self.frontend("web")],
                "backends": [
                    {"name": "app", "protocol": "HTTP", "services": [{**service, "endpoint": {"portName": "web"}}]}
                ],
                **changes,
            },
        }

    @staticmethod
    def frontend(name: str, **changes: Any) -> Json:
        """A frontend that leads to `app`."""
        return {
            "name": name,
            "bindAddress": "127.0.0.1",
            "bindPort": 0,
            "protocol": "HTTP",
            "linkBackend": {"defaultBackend": "app"},
            **changes,
        }

    def update(self, **changes: Any) -> None:
        """Other fields of the pool's `haproxy`."""
        self.chain.call("PUT", f"/v2/pools/{self.name}", self.document(**changes))

    def status(self) -> Json:
        """What the API says of it."""
        found: Json = self.chain.call("GET", f"/v2/pools/{self.name}/status")
        return found

    def says(self, *words: str, timeout: float = PATIENCE) -> None:
        """Wait until all words stand somewhere in its status."""

        def said() -> bool:
            text = json.dumps(self.status())
            return all(word in text for word in words)

        wait_until(said, timeout, f"{' and '.join(words)} in the status of {self.name}", every=0.1)

    # -- its application

    def start(self, *, answers: bool = True, **fields: Any) -> Task:
        """One more task, which answers, unless it is said that it does not yet."""
        self._started += 1
        task_id = f"{self.application}.{self._started}"
        task = Task(task_id, self.chain.applications.open(task_id) if answers else free_port())
        self.chain.mesos.start(task.id, self.application, task.port, **fields)
        self.tasks.append(task)
        return task

    def end(self, task: Task, state: str = "TASK_KILLED") -> None:
        """Mesos says that the task has ended; its server is closed as well."""
        self.chain.mesos.update(task.id, state)
        self.crash(task)

    def end_all(self) -> None:
        """All that are left end, and those of which Mesos alone knows that they have."""
        for task in tuple(self.tasks):
            if self.chain.mesos.has(task.id):
                self.chain.mesos.update(task.id, "TASK_KILLED")
            self.crash(task)

    def crash(self, task: Task) -> None:
        """The task's server is gone, and nobody has heard of it."""
        self.tasks.remove(task)
        self.chain.applications.close(task.port)

    # -- its clients

    def get(self, path: str = "/", **headers: str) -> tuple[int, str]:
        """Status and body of one request on a connection of its own."""
        return _get(self.web, path, headers)

    def answers(self, count: int = 24) -> Counter[str]:
        """Who answers `count` requests; what is no good answer is told as it is."""
        return Counter(body if status == 200 else f"{status} {body[:80]}" for status, body in _many(self.get, count))

    def serves(self, *tasks: Task, timeout: float = PATIENCE) -> None:
        """Wait until exactly these tasks answer."""
        wanted = {task.id for task in tasks}

        def served() -> bool:
            found = set(self.answers(4 * max(4, len(wanted))))
            assert found == wanted, f"{sorted(found)} answer"
            return True

        wait_until(served, timeout, f"answers of {sorted(wanted)} alone", every=0.05)

    # -- its HAProxy

    def servers(self, backend: str = "app") -> dict[str, Mapping[str, str]]:
        """HAProxy's statistics of a backend's servers, by name."""
        return {row["svname"]: row for row in self.rows() if row["pxname"] == backend and row["type"] == "2"}

    def rows(self) -> list[dict[str, str]]:
        """HAProxy's statistics."""
        status, text = _get(self.stats, "/haproxy?stats;csv", {})
        assert status == 200, text
        return list(csv.DictReader(io.StringIO(text.removeprefix("# "))))

    def ports(self, backend: str = "app") -> set[int]:
        """The ports to which HAProxy would send requests of a backend."""
        return {
            int(name.rpartition("_")[2])
            for name, row in self.servers(backend).items()
            if not row["status"].startswith(("MAINT", "DRAIN"))
        }

    def haproxy(self) -> set[int]:
        """The process ids of its HAProxy, found by the sandbox in their command lines."""
        found = set()
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                with suppress(OSError):
                    words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
                    if Path(words[0]).name == "haproxy" and any(str(self.sandbox) in word for word in words):
                        found.add(int(path.name))
        return found


def _complete(port: int) -> bool:
    return _metric(port, "edgelb_listener_complete") == 1


def _metric(port: int, name: str) -> float | None:
    _, text = _get(port, "/metrics", {})
    found = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0]) if found else None


def _many(ask: Callable[[], tuple[int, str]], count: int) -> Iterator[tuple[int, str]]:
    for _ in range(count):
        try:
            yield ask()
        except (OSError, http.client.HTTPException) as error:
            yield 0, repr(error)


def _get(port: int, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()
