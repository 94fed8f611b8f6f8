"""The executor as an agent runs it: the artifact on the system's plain python3, in a sandbox, over the agent's API."""

import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pool_executor import artifact, haproxy_artifact
from pool_executor.lbmgr.haproxy import program
from sdk.local.zookeeper import ZooKeeperServer
from tests.integration.pool_executor.harness import Pool, Publisher, alive, applied, told
from tests.integration.pool_executor.mesos_agent import Agent, task_info
from tests.integration.pool_executor.tls_instance import der, greet, parts
from tests.support.backends import Backend, backends
from tests.support.load import load_in_thread
from tests.support.ports import free_port
from tests.support.tls import pem
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


class Container:
    """What the agent makes: a sandbox as deep as a real one, the artifact in it, and the process."""

    def __init__(self, agent: Agent, directory: Path, *, served: artifact.Artifact | None = None) -> None:
        """`served` is fetched beside the executor, for an agent that has no HAProxy."""
        self.agent, self.served = agent, served
        # Longer than a unix socket's path may be, as in production.
        self.sandbox = directory / ("slaves/" + "0" * 40) / ("frameworks/" + "1" * 45) / "runs/latest"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.sandbox.mkdir(parents=True)
        # What docs/how-to/install.md asks of an agent, and nothing else.
        programs = self.sandbox / "bin"
        programs.mkdir()
        if self.served is None:
            (programs / "haproxy").symlink_to(program.find().path)
        else:
            (self.sandbox / self.served.name).write_bytes(self.served.data)
        (self.sandbox / artifact.NAME).write_bytes(artifact.build().data)
        with open(self.sandbox / "stdout", "wb") as out, open(self.sandbox / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                ["/usr/bin/python3", artifact.NAME],
                cwd=self.sandbox,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={
                    "PATH": str(programs),
                    "MESOS_SANDBOX": str(self.sandbox),
                    **self.agent.environment,
                },
                start_new_session=True,
            )

    def wait(self, timeout: float = 30) -> int:
        assert self.process is not None
        return self.process.wait(timeout)

    def log(self) -> str:
        return (self.sandbox / "stderr").read_text()


def _data(zookeeper: ZooKeeperServer, root: str, ports: dict[str, int], **changes: Any) -> dict[str, Any]:
    return {
        "pool": "web",
        "pod": "edgelb-pool-0",
        "zk": zookeeper.address,
        "zk_root": root,
        "ports": ports,
        "health": {"grace": 5, "interval": 0.2, "max_fail": 3, "timeout": 1},
        "kill_grace": 3,
        "bind": {},
    } | changes


@pytest.fixture
def ports() -> dict[str, int]:
    """The ports of the task."""
    return {"web": free_port(), "stats": free_port()}


@pytest.fixture
def container(zookeeper: ZooKeeperServer, zk_root: str, ports: dict[str, int], tmp_path: Path) -> Iterator[Container]:
    """A started executor whose task was launched."""
    agent = Agent(task_info(_data(zookeeper, zk_root, ports)))
    agent.start()
    made = Container(agent, tmp_path)
    made.start()
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()
    agent.stop()


def _servers(*running: Backend) -> tuple[tuple[str, int], ...]:
    return tuple((backend.name, backend.port) for backend in running)


def test_certificates_come_with_the_task_and_are_made_where_it_runs(
    zookeeper: ZooKeeperServer,
    zk_root: str,
    ports: dict[str, int],
    tmp_path: Path,
    publisher: Publisher,
) -> None:
    """With nothing but python3 and HAProxy; neither key stands in the sandbox."""
    given = pem(tmp_path, "given", "given.test")
    ports["other"] = free_port()
    environment = {"ELB_FILE_CERT": given.decode(), "OTHER": "x"}
    agent = Agent(task_info(_data(zookeeper, zk_root, ports, environment=environment)))
    agent.start()
    container = Container(agent, tmp_path)
    container.start()
    try:
        shape = parts(
            web={"protocol": "HTTPS", "certificates": ["$ENVFILE/ELB_FILE_CERT"]},
            other={"protocol": "HTTPS", "certificates": ["$AUTOCERT"]},
        )
        status = applied(publisher, publisher.publish_parts(shape))
        assert not status.structure.waiting
        assert greet(ports["web"]).certificate == der(given)
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(cadata=greet(ports["other"]).certificate)
        for name in ("web", "agent1.example", "127.0.0.1"):
            assert greet(ports["other"], name, trusting).certificate
        found = [path for path in container.sandbox.rglob("*") if path.is_file() and path.suffix != ".pyz"]
        assert not any(b"PRIVATE KEY-----\nM" in path.read_bytes() for path in found)
        environ = Path(f"/proc/{status.haproxy.workers[0]}/environ").read_bytes().split(b"\0")
        assert b"OTHER=x" in environ
        assert not any(entry.startswith(b"ELB_FILE_") for entry in environ)
    finally:
        assert container.process is not None
        container.process.kill()
        container.process.wait()
        agent.stop()


def test_a_task_runs_serves_and_is_killed(container: Container, publisher: Publisher, ports: dict[str, int]) -> None:
    """From LAUNCH to KILLED: each state is told with a sentence, and nothing is left of the task."""
    agent = container.agent
    first = agent.last("TASK_RUNNING")
    assert agent.states == ["TASK_STARTING", "TASK_RUNNING"]
    assert (first["healthy"], first["message"]) == (False, "waiting for the first configuration")
    with backends(1) as (one,):
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        assert (status.hostname, status.addresses, status.pod) == ("agent1.example", ("127.0.0.1",), "edgelb-pool-0")
        running = wait_until(lambda: (found := agent.last("TASK_RUNNING"))["healthy"] and found, what="healthy")
        assert running
        assert running["message"] == "serving version 1: first configuration"
        assert running["reason"] == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
        url = f"http://127.0.0.1:{ports['web']}/"
        with load_in_thread(url, rps=50) as load:
            wait_until(lambda: load.report().requests > 20, what="traffic")
            assert load.report().failures == {}
    agent.kill(grace=2)
    killed = agent.last("TASK_KILLED")
    assert agent.states == ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]
    assert (killed["healthy"], killed["message"]) == (False, "drained")
    assert container.wait() == 0
    assert not any(alive(pid) for pid in (status.haproxy.master or 0, *status.haproxy.workers))
    assert publisher.statuses() == {}
    assert "haproxy.cfg" in {path.name for path in container.sandbox.iterdir()}


def test_an_agent_restart_is_survived(container: Container, publisher: Publisher, ports: dict[str, int]) -> None:
    """While the agent is away traffic goes on and changes are followed; what was not told is told afterwards."""
    agent = container.agent
    with backends(2) as (one, two):
        applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        wait_until(lambda: agent.last("TASK_RUNNING")["healthy"], what="healthy")
        with load_in_thread(f"http://127.0.0.1:{ports['web']}/", rps=100) as load:
            agent.stop()
            wait_until(lambda: "Disconnected from the agent" in container.log(), what="it noticed")
            applied(publisher, publisher.publish(Pool(servers=_servers(one, two))))
            publisher.publish(Pool(servers=_servers(one), backend=("balance nonsense",)))
            told(publisher, "rejected")
            agent.start()
            wait_until(lambda: len(agent.subscriptions) == 2, what="subscribed again")
            wait_until(lambda: "balance" in agent.last("TASK_RUNNING")["message"], what="the refusal was told")
            both = {one.answer, two.answer}
            wait_until(lambda: set(load.report().bodies) == both, what="answers of both servers")
        assert load.report().failures == {}
        assert agent.states == ["TASK_STARTING", "TASK_RUNNING"]


def test_a_shutdown_drains_and_ends_within_its_grace_period(container: Container, publisher: Publisher) -> None:
    """SHUTDOWN ends the task as KILLED and the process, before the agent would use force."""
    with backends(1) as (one,):
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        container.agent.shutdown()
        assert container.agent.last("TASK_KILLED")["message"] == "the agent shut the executor down"
        assert container.wait(5) == 0
        assert not any(alive(pid) for pid in (status.haproxy.master or 0, *status.haproxy.workers))


def test_a_killed_executor_leaves_no_haproxy(container: Container, publisher: Publisher) -> None:
    """After kill -9 of the executor its HAProxy ends by itself."""
    with backends(1) as (one,):
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        assert container.process is not None
        os.kill(container.process.pid, signal.SIGKILL)
        container.wait()
        wait_until(
            lambda: not any(alive(pid) for pid in (status.haproxy.master or 0, *status.haproxy.workers)),
            what="all gone",
        )


def test_haproxy_that_hangs_fails_the_task(container: Container, publisher: Publisher) -> None:
    """After the allowed failures of the health check the task is FAILED, unhealthy, with the reason."""
    with backends(1) as (one,):
        status = applied(publisher, publisher.publish(Pool(servers=_servers(one))))
        wait_until(lambda: container.agent.last("TASK_RUNNING")["healthy"], what="healthy")
        os.kill(status.haproxy.workers[0], signal.SIGSTOP)
        failed = container.agent.last("TASK_FAILED")
        assert failed["healthy"] is False
        assert failed["message"].startswith("unhealthy: 3 checks failed in a row, the last with: ")
        assert container.wait() == 0


def test_an_agent_without_haproxy_runs_the_one_that_came_with_the_task(
    zookeeper: ZooKeeperServer, zk_root: str, ports: dict[str, int], tmp_path: Path, publisher: Publisher
) -> None:
    """Unpacked in the sandbox; reloads execute it anew from there, with its libraries."""
    served = haproxy_artifact.build()
    data = _data(zookeeper, zk_root, ports, haproxy={"archive": served.name, "sha256": served.sha256})
    agent = Agent(task_info(data))
    agent.start()
    container = Container(agent, tmp_path, served=served)
    container.start()
    try:
        assert agent.last("TASK_STARTING")["message"].startswith("starting HAProxy 2.8.")
        with backends(1) as (one,):
            applied(publisher, publisher.publish(Pool(servers=_servers(one))))
            status = applied(publisher, publisher.publish(Pool(servers=_servers(one), more="backend another\n")))
            # The worker before this one may end at any moment.
            for pid in (status.haproxy.master, status.haproxy.workers[0]):
                assert Path(f"/proc/{pid}/exe").resolve() == container.sandbox / "haproxy" / "bin" / "haproxy"
            wait_until(lambda: agent.last("TASK_RUNNING")["healthy"], what="healthy")
        agent.kill(grace=1)
        assert container.wait() == 0
    finally:
        container.process.kill()  # type: ignore[union-attr]
        container.wait()
        agent.stop()


def test_a_task_with_broken_data_fails_with_the_field(tmp_path: Path, zookeeper: ZooKeeperServer) -> None:
    """TaskInfo.data without ports: TASK_FAILED names the field, and the executor ends."""
    data = _data(zookeeper, "/x", {})
    del data["ports"]
    agent = Agent(task_info(data))
    agent.start()
    container = Container(agent, tmp_path)
    container.start()
    try:
        assert agent.last("TASK_FAILED")["message"] == "data.ports: is missing"
        assert container.wait() == 0
    finally:
        container.process.kill()  # type: ignore[union-attr]
        container.wait()
        agent.stop()


def test_a_python_that_is_too_old_fails_the_task_with_the_sentence(tmp_path: Path) -> None:
    """What such a Python runs instead of the executor subscribes, is given the task and fails it."""
    agent = Agent(task_info({}))
    agent.start()
    try:
        done = subprocess.run(
            [
                "/usr/bin/python3",
                "-c",
                "from pool_executor.too_old import fail; exit(fail('this agent has Python 3.4'))",
            ],
            env={"PYTHONPATH": str(Path(__file__).parents[3]), **agent.environment},
            cwd=tmp_path,
            timeout=30,
            check=False,
        )
        assert done.returncode == 1
        assert agent.last("TASK_FAILED")["message"] == "this agent has Python 3.4"
    finally:
        agent.stop()
