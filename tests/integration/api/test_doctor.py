"""`edgelb doctor` against real parts, working and missing."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.exits import Exit
from api.cli.main import cli
from api.observed.pulse import Pulse, encode_pulse, pulse_path
from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import Scheduler
from tests.support.ports import free_port
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

Findings = dict[str, dict[str, str]]


class Loop:
    """The working loop of the template process in charge, which gives signs of life until it hangs."""

    def __init__(self, connection: ZooKeeper, root: str) -> None:
        self._connection, self._path = connection, pulse_path(root, "t")
        self._stop, self._silence, self._number = threading.Event(), 0.1, 1
        self._thread = threading.Thread(target=self._beat)

    def turn(self, silence: float = 0.1) -> None:
        """Turn from now on; listener and Mesos have been silent for so long."""
        self._stop, self._silence = threading.Event(), silence
        self._thread = threading.Thread(target=self._beat)
        self._thread.start()

    def hang(self) -> None:
        """Turn no more."""
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(0.2):
            self._number += 1
            pulse = Pulse(
                beat=self._number,
                listener="h:1",
                connected=True,
                why_not="",
                silence=self._silence,
                mesos_silence=self._silence,
            )
            self._connection.put(self._path, encode_pulse(pulse))


@pytest.fixture(autouse=True)
def loop(connection: ZooKeeper, zk_root: str, template: None) -> Iterator[Loop]:
    """It turns at first."""
    made = Loop(connection, zk_root)
    made.turn()
    yield made
    made.hang()


@pytest.fixture
def doctor(zookeeper: ZooKeeperServer, zk_root: str, server: str) -> Callable[..., Findings]:
    """Run it against the test's ZooKeeper and API; findings by subject. There is no Mesos."""

    def run(*arguments: str) -> Findings:
        result = CliRunner().invoke(
            cli,
            ["doctor", "--json", "--mesos", f"127.0.0.1:{free_port()}", *arguments],
            env={
                "EDGELB_ZK": zookeeper.address,
                "EDGELB_ZK_ROOT": zk_root,
                "EDGELB_API": server,
                "EDGELB_API_LISTEN": f"127.0.0.1:{free_port()}",
                "EDGELB_SCHEDULER_LISTEN": f"127.0.0.1:{free_port()}",
                "EDGELB_LISTENER_LISTEN": f"127.0.0.1:{free_port()}",
                "EDGELB_LISTENER_HEALTH_LISTEN": f"127.0.0.1:{free_port()}",
                "EDGELB_TEMPLATE_HEALTH_LISTEN": f"127.0.0.1:{free_port()}",
            },
        )
        assert result.exit_code == Exit.UNHEALTHY, result.output
        return {finding["subject"]: finding for finding in json.loads(result.stdout)}

    return run


def test_what_answers_is_ok_and_what_is_missing_fails_with_advice(
    doctor: Callable[..., Findings], scheduler: Scheduler, connection: ZooKeeper, zk_root: str
) -> None:
    """Here everything but Mesos is there."""
    scheduler.answers["GET /readyz"] = (200, {})
    found = doctor()

    assert {subject for subject, finding in found.items() if finding["level"] == "fail"} == {"mesos"}
    assert "EDGELB_MESOS" in found["mesos"]["advice"]
    assert scheduler.url in found["scheduler"]["seen"]


@pytest.mark.slow
def test_a_template_that_hangs_and_a_listener_that_does_are_told_apart(
    doctor: Callable[..., Findings], loop: Loop, connection: ZooKeeper, zk_root: str
) -> None:
    """One is in charge without a sign of life; the other is known by what the template hears of it."""
    loop.hang()
    hanging = doctor()
    assert hanging["template"]["level"] == "fail"
    assert "process 7 is in charge and hangs" in hanging["template"]["seen"]
    assert "listener" not in hanging
    loop.turn(silence=16.0)
    found = doctor()
    assert found["template"]["level"] == "ok"
    assert found["listener"]["level"] == "fail"
    assert "the mesos-listener at h:1 hangs: it has said nothing for 16 s" in found["listener"]["seen"]
    connection.delete(f"{zk_root}/locks/template/holder")
    assert doctor()["template"]["seen"] == "none is in charge"


def test_a_master_that_hangs_is_told_in_a_sentence_and_within_seconds(doctor: Callable[..., Findings]) -> None:
    """It accepts connections, as a process that was stopped does, and says nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        found = doctor("--mesos", address)["mesos"]
    assert found["level"] == "fail"
    assert found["seen"] == f"{address} accepts connections, but gives no answer within 5 s"


@pytest.mark.slow
def test_masters_may_be_named_by_their_zookeeper(
    doctor: Callable[..., Findings], connection: ZooKeeper, zookeeper: ZooKeeperServer, zk_root: str
) -> None:
    """The leader that stands there is waited for, asked and named; none is told as such."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        master = {"address": {"ip": "127.0.0.1", "port": silent.getsockname()[1]}}
        connection.put(f"{zk_root}/masters/json.info_0000000001", json.dumps(master).encode())
        found = doctor("--mesos", f"zk://{zookeeper.address}{zk_root}/masters")["mesos"]
    assert "accepts connections, but gives no answer" in found["seen"]
    connection.delete(f"{zk_root}/masters/json.info_0000000001")
    nobody = doctor("--mesos", f"zk://{zookeeper.address}{zk_root}/masters")["mesos"]
    assert "no master is elected there" in nobody["seen"]


def test_the_ports_and_the_disk_of_the_local_stack_are_looked_at(
    doctor: Callable[..., Findings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the shell of a stack the default ports mean nothing, nor does the folder where one stands."""
    (tmp_path / "base-port").write_text("27000\n")
    monkeypatch.setenv("EDGELB_LOCAL", str(tmp_path))
    found = doctor()
    assert {subject for subject in found if subject.startswith("port ")} == {
        f"port {port}" for port in (27000, 27003, 27004, 27006, 27007)
    }
    assert str(tmp_path) in found["disk"]["seen"]


def test_a_scheduler_that_is_not_ready_says_why(doctor: Callable[..., Findings], scheduler: Scheduler) -> None:
    """Its own sentence."""
    scheduler.answers["GET /readyz"] = (503, {"code": 503, "message": "not subscribed to Mesos yet"})

    assert doctor()["scheduler"]["level"] == "warn"
    assert "not subscribed to Mesos yet" in doctor()["scheduler"]["seen"]
    assert doctor()["scheduler"]["advice"] == "wait, or check that Mesos answers"

    scheduler.answers["GET /v1/state"] = (200, {"phase": "removed"})
    assert "$EDGELB_API/v2/renew" in doctor()["scheduler"]["advice"]
    scheduler.answers["GET /v1/state"] = (200, {"phase": "uninstalled"})
    assert doctor()["scheduler"]["advice"] == "stop edgelb serve, or start it again to begin anew"


def test_without_zookeeper_it_says_so_and_goes_on(doctor: Callable[..., Findings]) -> None:
    """Every check stands for itself."""
    found = doctor("--zk", f"127.0.0.1:{free_port()}")

    assert found["zookeeper"]["level"] == "fail"
    assert found["api"]["level"] == "ok"


def test_a_port_that_somebody_else_uses_is_told_with_its_user(doctor: Callable[..., Findings]) -> None:
    """With the process that has it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = doctor("--api-listen", f"127.0.0.1:{port}")

    assert found[f"port {port}"]["level"] == "warn"
    assert "pid" in found[f"port {port}"]["seen"]


def test_a_tree_of_another_release_fails(doctor: Callable[..., Findings], connection: ZooKeeper, zk_root: str) -> None:
    """Before anything is started on it."""
    connection.put(f"{zk_root}/schema", b'{"version": 7}')

    assert doctor()["zookeeper"]["level"] == "fail"
    assert "version 7" in doctor()["zookeeper"]["seen"]


def test_the_api_may_be_named_before_the_command(zookeeper: ZooKeeperServer, server: str) -> None:
    """As with every other command; a text that is no URL is a finding, no traceback."""
    for api, level in ((server, "ok"), ("ftp://nowhere", "fail")):
        arguments = ["--api", api, "doctor", "--json", "--zk", zookeeper.address, "--mesos", f"127.0.0.1:{free_port()}"]
        result = CliRunner().invoke(cli, arguments)
        found = {finding["subject"]: finding for finding in json.loads(result.stdout)}
        assert found["api"]["level"] == level, result.output
