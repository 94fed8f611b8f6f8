"""A scheduler as a real process on a real ZooKeeper and the embedded Mesos, and what the master says about it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdk.local.cluster import AgentSpec, Cluster, Timing
from sdk.storage.connection import ZooKeeper
from tests.support.ports import free_port
from tests.support.wait import wait_until

QUICK = Timing(
    allocation_interval=0.1,
    agent_ping_timeout=0.5,
    max_agent_ping_timeouts=3,
    agent_reregister_timeout=5.0,
    executor_shutdown_grace_period=2.0,
)

SECRET = "the scheduler's secret of a test"


def two_agents(directory: Path, *, credentials: tuple[str, str] | None = None) -> Cluster:
    """A master and two agents without reservations, with short times."""
    base = free_port()
    while any(_taken(base + offset) for offset in range(3)):
        base = free_port()
    agents = [
        AgentSpec(name=f"agent{number}", resources=f"cpus:2;mem:1024;disk:4000;ports:[{span}]")
        for number, span in ((1, "31000-31019"), (2, "31020-31039"))
    ]
    return Cluster(directory, base, agents, timing=QUICK, restart=False, credentials=credentials)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Scheduler:
    """`edgelb run scheduler` as a child process."""

    def __init__(
        self,
        log: Path,
        *,
        zk: str,
        zk_root: str,
        mesos: str,
        frameworks: Path,
        names: tuple[str, ...],
        replace_after: float = 3.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        names_arguments = [part for name in names for part in ("--name", name)]
        self._command = [sys.executable, "-m", "api.cli.main", "run", "scheduler", *names_arguments]
        self._environment = {
            **os.environ,
            "EDGELB_ZK": zk,
            "EDGELB_ZK_ROOT": zk_root,
            "EDGELB_MESOS": mesos,
            "EDGELB_FRAMEWORKS": str(frameworks),
            "EDGELB_SCHEDULER_LISTEN": f"127.0.0.1:{self.port}",
            "EDGELB_SCHEDULER_ADVERTISE": self.url,
            "EDGELB_REPLACE_AFTER": str(replace_after),
            "EDGELB_LOG_FORMAT": "text",
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        secret = log.with_suffix(".secret")
        secret.write_text(SECRET + "\n")
        self._environment["EDGELB_SCHEDULER_SECRET_FILE"] = str(secret)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Scheduler":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(20)

    def request(self, method: str, path: str, body: object | None = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {SECRET}")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, _parsed(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read())

    def get(self, path: str) -> Any:
        status, body = self.request("GET", path)
        assert status == 200, (status, body)
        return body

    def wait_ready(self, timeout: float = 20.0) -> None:
        wait_until(lambda: self.request("GET", "/readyz")[0] == 200, timeout, f"{self.url} ready (see {self.log})")


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


class Master:
    """What the master knows about one framework, from now on."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self._name = cluster, name
        self._before = set(self._ids())

    def framework(self) -> dict[str, Any] | None:
        """The registered framework."""
        found = [one for one in self._cluster.get("/state")["frameworks"] if one["name"] == self._name]
        assert len(found) <= 1, "two frameworks of one name"
        return found[0] if found else None

    def frameworks(self) -> int:
        """How many of that name there were, those that ended included."""
        return len(set(self._ids()) - self._before)

    def _ids(self) -> list[str]:
        state = self._cluster.get("/state")
        both = [*state["frameworks"], *state.get("completed_frameworks", [])]
        return [one["id"] for one in both if one["name"] == self._name]

    def running(self) -> dict[str, dict[str, Any]]:
        """Its RUNNING tasks by name."""
        framework = self.framework()
        return (
            {task["name"]: task for task in framework["tasks"] if task["state"] == "TASK_RUNNING"} if framework else {}
        )

    def reserved(self) -> dict[str, Any]:
        """Dynamically reserved resources by agent."""
        slaves = self._cluster.get("/slaves")["slaves"]
        return {slave["hostname"]: slave["reserved_resources"] for slave in slaves if slave["reserved_resources"]}


def nodes(zookeeper: ZooKeeper, path: str) -> list[str]:
    """Every node below `path`."""
    found = []
    for child in zookeeper.children(path):
        found.append(f"{path}/{child}")
        found.extend(nodes(zookeeper, f"{path}/{child}"))
    return found
