"""A Mesos that wants to know who asks, and speaks TLS: scheduler, listener and doctor with settings and without."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sdk.local.cluster import Cluster
from tests.integration.runner.system import Scheduler, two_agents
from tests.support.ports import free_port
from tests.support.tls import Certificate, TlsFront, authority, signed
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[3] / "examples" / "frameworks.json"
WANTS = "wants credentials: set --mesos-principal and --mesos-secret-file"
REFUSED = "refused the principal 'edgelb' or its secret"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of an authority, a master and ours; secrets, the right one and a wrong one."""
    directory = tmp_path_factory.mktemp("files")
    own = authority(directory, "ca")
    signed(directory, "master", own)
    signed(directory, "edgelb", own)
    authority(directory, "other")
    (directory / "secret").write_text("edgelbsecret\n")
    (directory / "wrong").write_text("wrongsecret\n")
    return directory


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master that demands credentials, and two agents."""
    made = two_agents(tmp_path_factory.mktemp("cluster"), credentials=("edgelb", "edgelbsecret"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def front(cluster: Cluster, files: Path) -> Iterator[TlsFront]:
    """TLS in front of it, for clients with a certificate of ours."""
    own = Certificate(certificate=files / "master.pem", key=files / "master.key")
    clients = Certificate(certificate=files / "ca.pem", key=files / "ca.key")
    made = TlsFront(cluster.port, own, clients=clients)
    yield made
    made.close()


def principal(files: Path, secret: str = "secret") -> dict[str, str]:
    return {"EDGELB_MESOS_PRINCIPAL": "edgelb", "EDGELB_MESOS_SECRET_FILE": str(files / secret)}


def certificates(files: Path) -> dict[str, str]:
    return {
        "EDGELB_MESOS_CA": str(files / "ca.pem"),
        "EDGELB_MESOS_CERTIFICATE": str(files / "edgelb.pem"),
        "EDGELB_MESOS_KEY": str(files / "edgelb.key"),
    }


def doctor(mesos: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """What it finds about Mesos."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "doctor", "--json", "--mesos", mesos, "--zk", "127.0.0.1:1"],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    findings: list[dict[str, Any]] = json.loads(done.stdout)
    return next(one for one in findings if one["subject"] == "mesos")


def reserved(cluster: Cluster) -> list[Any]:
    """What is reserved on any agent."""
    return [one["reserved_resources"] for one in cluster.get("/slaves")["slaves"] if one["reserved_resources"]]


class Listener:
    """`edgelb run listener` as a process."""

    def __init__(self, log: Path, mesos: str, environment: Mapping[str, str]) -> None:
        self._log = log
        listen = f"127.0.0.1:{free_port()}"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api.cli.main", "run", "listener", "--mesos", mesos, "--listen", listen,
                 "--log-format", "json"],
                env={"PATH": "/usr/bin:/bin", **environment}, stderr=output,
            )  # fmt: skip

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


def test_all_processes_work_with_credentials_and_certificates(
    tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str, cluster: Cluster, front: TlsFront, files: Path
) -> None:
    """The scheduler reserves, launches and releases (a master compares the principals), the listener sees the task, and
    doctor finds nothing to say; no secret is in any log or node of a task.
    """
    environment = principal(files) | certificates(files)
    scheduler = Scheduler(
        tmp_path / "scheduler.log",
        zk=zookeeper.address,
        zk_root=zk_root,
        mesos=front.address,
        frameworks=EXAMPLES,
        names=("hello",),
        environment=environment,
    ).start()
    listener = Listener(tmp_path / "listener.log", front.address, environment)
    try:
        wait_until(
            lambda: scheduler.get("/v1/services") == [{"name": "hello", "status": "COMPLETE", "pods": 1}], 60, "hello"
        )
        assert doctor(front.address, environment)["level"] == "ok"
        wait_until(lambda: any("complete" in line["event"] for line in listener.lines()), 20, "the listener's view")
        (framework,) = cluster.get("/frameworks")["frameworks"]
        assert framework["principal"] == "edgelb"
        assert reserved(cluster)
        assert scheduler.request("PUT", "/v1/count", {"count": 0})[0] == 200
        wait_until(lambda: not reserved(cluster), 60, "the end of the reservation")
    finally:
        scheduler.stop()
        listener.stop()
    for log in ("scheduler.log", "listener.log"):
        text = (tmp_path / log).read_text()
        assert "edgelbsecret" not in text
        assert "Traceback" not in text


@pytest.mark.parametrize(("secret", "sentence"), [(None, WANTS), ("wrong", REFUSED)])
def test_who_is_refused_reads_one_sentence_everywhere(
    tmp_path: Path,
    zookeeper: ZooKeeperServer,
    zk_root: str,
    cluster: Cluster,
    files: Path,
    secret: str | None,
    sentence: str,
) -> None:
    """In the scheduler's state, in the listener's log once, and from doctor; with no traceback and no secret."""
    environment = principal(files, secret) if secret else {}
    scheduler = Scheduler(
        tmp_path / "scheduler.log",
        zk=zookeeper.address,
        zk_root=zk_root,
        mesos=cluster.master_address,
        frameworks=EXAMPLES,
        names=("hello",),
        environment=environment,
    ).start()
    listener = Listener(tmp_path / "listener.log", cluster.master_address, environment)
    try:
        wait_until(lambda: sentence in scheduler.get("/v1/state")["reason"], 30, "the scheduler's reason")
        assert sentence in scheduler.request("GET", "/readyz")[1]["message"]
        told = wait_until(
            lambda: [line for line in listener.lines() if sentence in line.get("reason", "")], 30, "the listener's line"
        )
        assert (len(told), told[0]["level"]) == (1, "error")
        found = doctor(cluster.master_address, environment)
        assert found["level"] == "fail"
        assert sentence in found["seen"]
        assert "EDGELB_MESOS_PRINCIPAL" in found["advice"]
    finally:
        scheduler.stop()
        listener.stop()
    for log in ("scheduler.log", "listener.log"):
        text = (tmp_path / log).read_text()
        assert "wrongsecret" not in text
        assert "Traceback" not in text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"EDGELB_MESOS_CA": "other.pem"}, "certificate verify failed"),
        ({"EDGELB_MESOS_CERTIFICATE": "other.pem", "EDGELB_MESOS_KEY": "other.key"}, "--mesos-certificate"),
    ],
)
def test_certificates_that_do_not_fit_are_told(front: TlsFront, files: Path, changes: dict[str, str], why: str) -> None:
    """Theirs, which we do not trust, and ours, which they do not."""
    environment = principal(files) | certificates(files) | {name: str(files / file) for name, file in changes.items()}
    found = doctor(front.address, environment)
    assert found["level"] == "fail"
    assert why in found["seen"]


def test_without_verification_any_certificate_will_do(front: TlsFront, files: Path) -> None:
    """As asked for, and only then."""
    environment = principal(files) | certificates(files) | {"EDGELB_MESOS_CA": str(files / "other.pem")}
    assert doctor(front.address, environment | {"EDGELB_MESOS_VERIFY": "0"})["level"] == "ok"
