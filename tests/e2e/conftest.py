"""One whole local stack per test module: real ZooKeeper, embedded Mesos, Edge-LB and the sample application."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient

from api.cli.child_output import LogFiles
from api.cli.local.demo import await_endpoints, await_traffic
from api.cli.local.layout import PORTS_PER_AGENT, Layout
from api.cli.local.stack import EXAMPLES, Options, Stack
from sdk.local import processes
from sdk.local.cluster import Timing
from tests.support import nursery
from tests.support.stack_ports import free_base
from tests.support.wait import wait_until

REPLACE_AFTER = 3.0
QUICK = Options(
    replace_after=REPLACE_AFTER,
    timing=Timing(agent_ping_timeout=0.5, max_agent_ping_timeouts=8),
    popen=nursery.popen,
)
KILL_GRACE = 8.0
"""Seconds in which an instance drains; health says no for a quarter of it."""
CHECKOUT = Path(__file__).resolve().parents[2]


class System:
    """What the tests do to a stack: look, kill, wait."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def pool(self, name: str = "web", **changes: Any) -> dict[str, Any]:
        """The sample pool under another name and with other top-level values."""
        document: dict[str, Any] = json.loads((EXAMPLES / "pools" / "web.json").read_text())
        return {**document, "name": name, **changes}

    def edgelb(
        self, *arguments: str, stdin: str | None = None, timeout: float = 90
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command line with the settings of this stack."""
        settings = {name: value for name, value in self.stack.environment().items() if name != "EDGELB_FRAMEWORKS"}
        return subprocess.run(
            (sys.executable, "-m", "api.cli.main", *arguments),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=CHECKOUT,
            env={**os.environ, **settings, "NO_COLOR": "1", "COLUMNS": "200"},
        )

    def create(self, pool: dict[str, Any], state: str = "ready") -> list[str]:
        """Create a pool, wait until all its instances serve and are known to; the URLs of its frontend."""
        self.stack.call("POST", f"{self.stack.api}/v2/pools", pool)
        urls = self.serving(pool["name"], pool.get("count", 1))
        wait_until(lambda: self.status(pool["name"])["state"] == state, 30, f"pool {pool['name']} to be {state}")
        return urls

    def serving(self, pool: str, count: int) -> list[str]:
        """Wait until `count` instances of the pool serve; their URLs."""
        frontends, _stats = await_endpoints(self.stack, pool, count)
        urls = next(iter(frontends.values()))
        for url in urls:
            await_traffic(self.stack, url, 1)
        return urls

    def update(self, pool: dict[str, Any]) -> None:
        """Replace a pool by this document through the command line, as people do; returns at once."""
        done = self.edgelb("update", "-", stdin=json.dumps(pool))
        assert done.returncode == 0, done.stderr

    def ready(self, pool: str) -> bool:
        """Whether all of the pool is as it is wished for."""
        return bool(self.status(pool)["state"] == "ready")

    def unused_ports(self, agent: int, count: int) -> list[int]:
        """Ports that agent `agent` (from 0) offers and that neither a task has nor a process listens on."""
        first = self.stack.layout.offers_base + agent * PORTS_PER_AGENT
        offered = set(range(first, first + PORTS_PER_AGENT))
        given = {
            port["number"]
            for task in self.tasks()
            for port in task.get("discovery", {}).get("ports", {}).get("ports", [])
        }
        return sorted(offered - given - set(processes.listeners(offered)))[:count]

    def pods(self, pool: str) -> list[dict[str, Any]]:
        """The pool's pods as the status tells them."""
        pods: list[dict[str, Any]] = self.stack.get(f"{self.stack.api}/v2/pools/{pool}/status")["pods"]
        return pods

    def instances(self, pool: str) -> list[dict[str, Any]]:
        """The pool's instances as they report themselves."""
        found: list[dict[str, Any]] = self.stack.get(f"{self.stack.api}/v2/pools/{pool}/status")["instances"]
        return found

    def status(self, pool: str) -> dict[str, Any]:
        """The pool's whole status document."""
        document: dict[str, Any] = self.stack.get(f"{self.stack.api}/v2/pools/{pool}/status")
        return document

    def instance_behind(self, url: str) -> dict[str, Any]:
        """The instance of the pool `web` whose frontend has the URL's port."""
        port = int(url.rstrip("/").rsplit(":", 1)[1])

        def there() -> list[dict[str, Any]]:
            return [one for one in self.instances("web") if one["ports"].get("web") == port]

        # What an executor that was killed said of itself lasts as long as its session, beside what its successor says.
        return wait_until(lambda: found if len(found := there()) == 1 else None, 20, f"one instance at {url}")[0]

    def task_ids(self, pool: str) -> set[str]:
        """Ids of the pool's tasks that the master says are running."""
        prefix = f"dcos-edgelb.pools.{pool}__"
        return {task["id"] for task in self.tasks() if task["id"].startswith(prefix)}

    def application_tasks(self) -> list[dict[str, Any]]:
        """The sample application's running tasks."""
        return [task for task in self.tasks() if not task["id"].startswith("dcos-edgelb.")]

    def executor(self, task_id: str) -> int:
        """Process id of the executor of a pool task."""
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                environment = path.read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            pid = int(path.parent.name)
            if f"MESOS_EXECUTOR_ID={task_id}" in environment and "pool_executor.pyz" in processes.command_line(pid):
                return pid
        raise AssertionError(f"no executor process of {task_id}")

    def haproxies(self) -> list[int]:
        """Process ids of all HAProxies, masters and workers, that serve from this stack's sandboxes."""
        directory = str(self.stack.layout.directory)
        found = []
        for entry in Path("/proc").iterdir():
            words = processes.command_line(int(entry.name)) if entry.name.isdigit() else []
            if words and Path(words[0]).name == "haproxy" and any(directory in word for word in words):
                found.append(int(entry.name))
        return found

    def services(self) -> list[str]:
        """Names of the services that the scheduler knows."""
        return [one["name"] for one in self.stack.get(f"{self.stack.scheduler}/v1/services")]

    def leave(self, pool: str) -> None:
        """Delete a pool if it exists, and do not wait: what follows does not mind its leaving."""
        if pool in [one["name"] for one in self.stack.get(f"{self.stack.api}/v2/pools")]:
            self.stack.call("DELETE", f"{self.stack.api}/v2/pools/{pool}")

    def delete(self, pool: str) -> None:
        """Delete a pool and wait until nothing of it runs."""
        self.stack.call("DELETE", f"{self.stack.api}/v2/pools/{pool}")
        wait_until(lambda: not self.task_ids(pool), 60, f"the end of {pool}'s tasks")
        wait_until(lambda: pool not in self.services(), 60, f"the end of service {pool}")

    def node(self, path: str) -> Any:
        """The JSON document of a ZooKeeper node; None when there is no such node."""
        client = KazooClient(self.stack.zookeeper)
        client.start(timeout=10)
        try:
            return json.loads(client.get(path)[0]) if client.exists(path) else None
        finally:
            client.stop()
            client.close()

    def zookeeper_nodes_with(self, name: str) -> list[str]:
        """Paths below our root that have `name` as one segment."""
        client = KazooClient(self.stack.zookeeper)
        client.start(timeout=10)
        try:
            found, waiting = [], ["/edgelb"]
            while waiting:
                path = waiting.pop()
                for child in client.get_children(path):
                    below = f"{path}/{child}"
                    waiting.append(below)
                    if child == name:
                        found.append(below)
            return found
        finally:
            client.stop()
            client.close()

    def reserved_services(self) -> set[str]:
        """Names of the services that have a reservation on any agent, as the master tells."""
        found = set()
        for agent in self.stack.get(f"{self.stack.mesos}/slaves")["slaves"]:
            for resources in agent.get("reserved_resources_full", {}).values():
                for resource in resources:
                    for reservation in resource.get("reservations", []):
                        labels = {
                            one["key"]: one.get("value") for one in reservation.get("labels", {}).get("labels", [])
                        }
                        found.add(labels.get("service", ""))
        return found - {""}

    def alive(self, pid: int) -> bool:
        """Whether a process exists."""
        return processes.alive(pid)

    def child(self, component: str) -> int:
        """Process id of a child of `edgelb serve`: scheduler, listener, template or api."""
        root = self.stack.supervisor.pids()["edgelb"]
        found = [pid for pid in processes.descendants(root) if component in processes.command_line(pid)]
        assert found, f"edgelb serve has no child {component}"
        return found[0]

    def kill(self, pid: int) -> None:
        """SIGKILL and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not processes.alive(pid), 10, f"the end of pid {pid}")

    def tasks(self) -> list[dict[str, Any]]:
        """All tasks that the master says are running."""
        tasks: list[dict[str, Any]] = self.stack.get(f"{self.stack.mesos}/tasks?limit=10000")["tasks"]
        return [task for task in tasks if task["state"] == "TASK_RUNNING"]

    def scale_application(self, count: int) -> None:
        """Ask the sample application's framework for `count` instances; while ZooKeeper is away it answers 503."""

        def accepted() -> bool:
            self.stack.call("PUT", f"{self.stack.application}/v1/count", {"count": count})
            return True

        wait_until(accepted, 30, f"the wish for {count} application instances to be accepted")

    def answers(self, url: str, requests: int = 20) -> set[str]:
        """The distinct answers of `requests` requests, all of which must be 200."""
        found = set()
        for _ in range(requests):
            status, text = self.stack.fetch(url)
            assert status == 200, text
            found.add(text)
        return found


def frameworks(directory: Path) -> Path:
    """Our frameworks.json with a short grace for what leaves."""
    document = json.loads((CHECKOUT / "frameworks.json").read_text())
    document["frameworks"][0]["options"]["kill_grace"] = KILL_GRACE
    path = directory / "frameworks.json"
    path.write_text(json.dumps(document))
    return path


@contextlib.contextmanager
def running(directory: Path, options: Options = QUICK) -> Iterator[System]:
    """A running stack whose API answers; it has no pool yet."""
    layout = Layout(directory=directory, base_port=free_base())
    options = replace(options, environment={"EDGELB_FRAMEWORKS": str(frameworks(directory)), **options.environment})
    stack = Stack(layout, LogFiles(directory / "logs"), options)
    stack.check_ports()
    try:
        stack.start()
        stack.await_true(lambda: stack.fetch(f"{stack.api}/ping")[0] == 200, 30, "the API server")
        yield System(stack)
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running stack with the sample pool `web` serving, whose timeouts are short."""
    with running(tmp_path_factory.mktemp("stack")) as system:
        system.create(system.pool())
        yield system
