"""The system that is measured: ZooKeeper, a simulated Mesos, and the product's own processes as users start them.

    with System(tasks=10_000, services=500) as system:
        system.create(document("web", services=500, probes=60))
        balancer = system.balance("web")

Knows ports, directories and command lines. What is asked of it is each benchmark's.
"""

import json
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from benchmarks.balancer import Balancer
from benchmarks.process import Process
from sdk.local.simulated.cluster import SimulatedCluster
from sdk.local.simulated.tasks import TasksOnDemand
from sdk.local.zookeeper import ZooKeeperServer
from tests.support.ports import free_port

T = TypeVar("T")
MOST_PER_AGENT = 50
PATIENCE = 180.0
"""Seconds for whatever happens once."""


class System:
    """`tasks` simulated tasks that share `services` names, changing at `events_per_second` from the start."""

    def __init__(self, *, tasks: int, services: int | None = None, events_per_second: float = 0.0) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="edgelb-benchmark-"))
        self.zookeeper = ZooKeeperServer(self.directory / "zookeeper", free_port())
        self.mesos = SimulatedCluster(
            port=free_port(),
            agents=max(1, -(-tasks // MOST_PER_AGENT)),
            tasks=tasks,
            services=services,
            events_per_second=events_per_second,
            timeout=600,
        )
        self.tasks = TasksOnDemand(self.mesos.address)
        self._api = free_port()
        self._listener = free_port()
        health = {name: free_port() for name in ("listener", "template")}
        self._health = {name: f"127.0.0.1:{port}" for name, port in health.items()}
        zk = ("--zk", self.zookeeper.address)
        self.api = self._edgelb("api", *zk, "--listen", f"127.0.0.1:{self._api}")
        self.listener = self._edgelb(
            "listener", "--mesos", self.mesos.address, "--listen", f"127.0.0.1:{self._listener}",
            "--health-listen", self._health["listener"],
        )  # fmt: skip
        self.template = self._template(self._health["template"])
        self._templates = [self.template]
        self.balancers: list[Balancer] = []

    def _template(self, health: str) -> Process:
        listener = f"127.0.0.1:{self._listener}"
        return self._edgelb(
            "template", "--zk", self.zookeeper.address, "--listener", listener, "--health-listen", health
        )

    def _edgelb(self, name: str, *arguments: str) -> Process:
        command = ["api.cli.main", "run", name, *arguments, "--log-level", "warning"]
        return Process.module(name, command, self.directory / f"{name}.log")

    def __enter__(self) -> "System":
        try:
            self.zookeeper.start()
            self.mesos.start()
            self.api.start()
            until("the API server", lambda: answers(f"http://127.0.0.1:{self._api}/ping"), self.api)
            self.listener.start()
            until("the listener's view", lambda: answers(f"http://{self._health['listener']}/readyz"))
            self.template.start()
            until("the template", lambda: answers(f"http://{self._health['template']}/readyz"), self.template)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything and leave nothing behind."""
        for balancer in self.balancers:
            balancer.stop()
        for process in (*self._templates, self.listener, self.api):
            process.end()
        self.mesos.stop()
        self.zookeeper.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- pools ----------------------------------------------------------------------------------------------------

    def create(self, pool: dict[str, Any]) -> None:
        """Create a pool with the API."""
        self.call("POST", "/v2/pools", pool)

    def update(self, pool: dict[str, Any]) -> None:
        """Replace a pool with the API."""
        self.call("PUT", f"/v2/pools/{pool['name']}", pool)

    def delete(self, name: str) -> None:
        """Delete a pool with the API."""
        self.call("DELETE", f"/v2/pools/{name}")

    def status(self, pool: str) -> Any:
        """What the API says of a pool."""
        return self.call("GET", f"/v2/pools/{pool}/status")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request to the API; its answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._api}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error
        return json.loads(content) if content else None

    def balance(self, pool: str, *, port: int | None = None, wait: bool = True, frontend: str = "web") -> Balancer:
        """Another load balancer of the pool, on that port if one is given; returns once it serves, if `wait`."""
        name, port = f"balancer-{len(self.balancers)}", port or free_port()
        balancer = Balancer(self.zookeeper.address, pool, name, self.directory / name, port, frontend=frontend)
        self.balancers.append(balancer)
        balancer.start()
        if wait:
            until("a load balancer", balancer.serves, balancer.process)
        return balancer

    def another_template(self) -> Process:
        """One more, which waits for the lock."""
        process = self._template(f"127.0.0.1:{free_port()}")
        self._templates.append(process)
        process.start()
        return process

    # --- looking --------------------------------------------------------------------------------------------------

    def metrics(self, name: str) -> str:
        """The metrics of the listener or the template."""
        with urllib.request.urlopen(f"http://{self._health[name]}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    @property
    def measured(self) -> dict[str, Process]:
        """What a change costs: listener, template, and lbmgr of the first balancer."""
        found = {"listener": self.listener, "template": self.template}
        return found | ({"lbmgr": self.balancers[0].process} if self.balancers else {})

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU so far of each."""
        return {name: process.cpu() for name, process in self.measured.items()}


def answers(url: str) -> bool:
    """Whether it answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(
    what: str,
    predicate: Callable[[], T],
    process: Process | None = None,
    *,
    timeout: float = PATIENCE,
    every: float = 0.02,
) -> T:
    """Ask until the answer is true; its own words when the process that has to make it true ends, or in vain."""
    deadline = time.monotonic() + timeout
    while True:
        found = predicate()
        if found:
            return found
        if process is not None and not process.running:
            raise RuntimeError(f"{process.name} ended while waiting for {what}:\n{process.said()}")
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{what} did not come within {timeout:g} s" + (f":\n{process.said()}" if process else "")
            )
        time.sleep(every)
