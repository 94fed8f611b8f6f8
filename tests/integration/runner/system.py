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
from tests.support import nursery
from tests.support.ports import free_port
from tests.support.wait import wait_until

QUICK = Timing(
    allocation_interval=0.1,
    agent_ping_timeout=0.5,
    max_agent_ping_timeouts=3,
    agent_reregister_timeout=5.0,
    executor_shutdown_grace_period=2.0,
)

EXAMPLES = Path(__file__).parents[3] / "examples" / "frameworks.json"
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
    return Cluster(directory, base, agents, timing=QUICK, restart=False, credentials=credentials, popen=nursery.popen)


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

    def operate(self, kind: str, content: dict[str, Any]) -> None:
        """One call of the operator API; raises HTTPError when it is refused."""
        body = json.dumps({"type": kind, kind.lower(): content}).encode()
        request = urllib.request.Request(f"http://{self._cluster.master_address}/api/v1", data=body, method="POST")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=5):
            pass

    def clear(self) -> None:
        """End and release what is left of the framework, whose schedulers have stopped, as an operator can: at once,
        where its own uninstall looks at all offers first.
        """
        if (framework := self.framework()) is not None:
            self.operate("TEARDOWN", {"framework_id": {"value": framework["id"]}})
        wait_until(lambda: self.framework() is None, 20, "the framework is gone")
        wait_until(self._released, 20, "nothing is reserved")

    def _released(self) -> bool:
        """Release what no task holds any more; whether that was all."""
        left = False
        for agent in self._cluster.get("/slaves")["slaves"]:
            for resources in agent.get("reserved_resources_full", {}).values():
                dynamic = [one for one in resources if one["reservations"][-1]["type"] == "DYNAMIC"]
                volumes = [one for one in dynamic if "persistence" in one.get("disk", {})]
                if volumes:
                    self.operate("DESTROY_VOLUMES", {"agent_id": {"value": agent["id"]}, "volumes": volumes})
                    dynamic = []  # they are seen without volumes the next time
                    left = True
                if dynamic:
                    left = True
                    self.operate("UNRESERVE_RESOURCES", {"agent_id": {"value": agent["id"]}, "resources": dynamic})
        return not left

    def agent_id(self, name: str) -> str:
        """Of the agent with this host name."""
        return next(str(one["id"]) for one in self._cluster.get("/slaves")["slaves"] if one["hostname"] == name)

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


class System:
    """Makes schedulers of one framework; all are gone, and so is the framework, after the test."""

    def __init__(
        self,
        tmp_path: Path,
        zk: str,
        zk_root: str,
        cluster: Cluster,
        *,
        name: str = "hello",
        frameworks: Path = EXAMPLES,
    ) -> None:
        self._tmp_path, self._zk, self.zk_root, self.cluster = tmp_path, zk, zk_root, cluster
        self._name, self._frameworks = name, frameworks
        self.schedulers: list[Scheduler] = []
        self.master = Master(cluster, name)

    def scheduler(self) -> Scheduler:
        made = Scheduler(
            self._tmp_path / f"scheduler-{len(self.schedulers)}.log",
            zk=self._zk,
            zk_root=self.zk_root,
            mesos=self.cluster.master_address,
            frameworks=self._frameworks,
            names=(self._name,),
        )
        self.schedulers.append(made)
        return made.start()

    def wait_running(self, count: int = 1) -> dict[str, dict[str, object]]:
        return wait_until(
            lambda: running if len(running := self.master.running()) == count else None, 30, f"{count} tasks run"
        )

    def close(self) -> None:
        for one in self.schedulers:
            if one.process is not None and one.process.poll() is None:
                one.stop()
        self.master.clear()


def nodes(zookeeper: ZooKeeper, path: str) -> list[str]:
    """Every node below `path`."""
    found = []
    for child in zookeeper.children(path):
        found.append(f"{path}/{child}")
        found.extend(nodes(zookeeper, f"{path}/{child}"))
    return found


def kill_task(task_id: str) -> None:
    """SIGKILL every process that runs for the task, as the kernel would when memory is short."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"MESOS_EXECUTOR_ID={task_id}".encode() in environment and b"sleep" in command:
            os.kill(int(entry.name), signal.SIGKILL)
