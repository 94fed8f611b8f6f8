"""`edgelb doctor` against real parts, working and missing."""

import json
import socket
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from api.cli.exits import Exit
from api.cli.main import cli
from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import Scheduler
from tests.support.ports import free_port
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

Findings = dict[str, dict[str, str]]


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
            },
        )
        assert result.exit_code == Exit.UNHEALTHY, result.output
        return {finding["subject"]: finding for finding in json.loads(result.stdout)}

    return run


def test_what_answers_is_ok_and_what_is_missing_fails_with_advice(
    doctor: Callable[..., Findings], scheduler: Scheduler, connection: ZooKeeper, zk_root: str
) -> None:
    """Here everything but Mesos is there."""
    connection.put(f"{zk_root}/locks/template/holder", b"{}")
    scheduler.answers["GET /readyz"] = (200, {})
    found = doctor()

    assert {subject for subject, finding in found.items() if finding["level"] == "fail"} == {"mesos"}
    assert "EDGELB_MESOS" in found["mesos"]["advice"]
    assert scheduler.url in found["scheduler"]["seen"]


def test_a_scheduler_that_is_not_ready_says_why(doctor: Callable[..., Findings], scheduler: Scheduler) -> None:
    """Its own sentence."""
    scheduler.answers["GET /readyz"] = (503, {"code": 503, "message": "not subscribed to Mesos yet"})

    assert doctor()["scheduler"]["level"] == "warn"
    assert "not subscribed to Mesos yet" in doctor()["scheduler"]["seen"]


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
