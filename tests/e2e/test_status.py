"""What the status says when traffic cannot flow, and when what carries changes to the load balancers hangs."""

import json
import os
import signal
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from sdk.local import processes
from tests.e2e.conftest import System, running
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

NOTICED = 30.0
"""Seconds within which a process that hangs is told; on a loaded machine a little later."""
LOADED = 2 * NOTICED


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A stack with the sample pool serving."""
    with running(tmp_path_factory.mktemp("stack")) as system:
        system.create(system.pool())
        yield system


@pytest.fixture
def name(system: System) -> Iterator[str]:
    """Name for a pool of the test's own, which is deleted afterwards."""
    chosen = f"status-{uuid.uuid4().hex[:6]}"
    yield chosen
    system.leave(chosen)


def selecting(system: System, name: str, **service: Any) -> dict[str, Any]:
    """The sample pool with one instance and another service."""
    document = system.pool(name, count=1)
    document["haproxy"]["backends"][0]["services"] = [service]
    return document


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        (
            {"mesos": {"frameworkName": "nosuch"}, "endpoint": {"portName": "http"}},
            "no running task of framework nosuch; frameworks are edgelb, webapp",
        ),
        (
            {"mesos": {"frameworkName": "webapp", "taskName": "webapp-0-web"}, "endpoint": {"portName": "htttp"}},
            "task webapp-0-web has no port named htttp; it has http",
        ),
        (
            {"mesos": {"frameworkName": "webapp", "taskName": "webapp-9-web"}, "endpoint": {"portName": "http"}},
            "no task of framework webapp is called webapp-9-web; tasks are webapp-0-web, webapp-1-web",
        ),
    ],
)
def test_a_backend_that_selects_nothing_is_told_with_what_there_is(
    system: System, name: str, service: dict[str, Any], reason: str
) -> None:
    """`validate` and `create --wait` warn, status and list name it, and a mended pool is ready."""
    document = selecting(system, name, **service)
    warning = f"Warning: pool.haproxy.backends[0].services[0] has no server today: {reason}"
    wait_until(lambda: warning in system.edgelb("validate", "-", stdin=json.dumps(document)).stderr, 30, "the warning")
    done = system.edgelb("create", "-", "--wait", "--timeout", "20", stdin=json.dumps(document))
    assert done.returncode == 6, done.stderr
    assert f"Warning: backend webapp has no servers: {reason}" in done.stderr
    text = system.edgelb("status", name).stdout
    assert text.startswith(f"{name} is degraded: 1 of 1 instances serve the current configuration; backend webapp has")
    assert ["webapp", "web", "0", "0", *reason.split()] in [line.split() for line in text.splitlines()]
    assert system.edgelb("status").returncode == 8
    assert any(line.split()[::5] == [name, "degraded"] for line in system.edgelb("list").stdout.splitlines())
    document["haproxy"]["backends"] = system.pool()["haproxy"]["backends"]
    mended = system.edgelb("update", "-", "--wait", "--overwrite", stdin=json.dumps(document))
    assert mended.returncode == 0, mended.stderr


def reasons(system: System) -> str:
    """What keeps the sample pool from being ready."""
    found: list[str] = system.status("web")["reasons"]
    return "; ".join(found)


@pytest.mark.parametrize(
    ("component", "told"),
    [("listener", "the mesos-listener at"), ("template", "template")],
)
def test_a_process_that_hangs_is_told_and_started_again(system: System, component: str, told: str) -> None:
    """A stopped process is no dead one: nothing but its silence tells."""
    wait_until(lambda: system.ready("web"), 60, "the sample pool")
    pid = system.child(component)
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: told in reasons(system), LOADED, f"the status to tell of the {component}")
    assert system.status("web")["state"] == "degraded"
    wait_until(lambda: not processes.alive(pid), LOADED, "its end by force")
    wait_until(lambda: system.ready("web"), 60, "the pool to be ready with its successor")
    log = (system.stack.layout.directory / "logs" / "edgelb.log").read_text()
    assert f"{component:<9} | hangs (no answer from http://127.0.0.1:" in log


def test_a_master_that_hangs_is_told_by_status_and_doctor(system: System) -> None:
    """Its connections stay open; load balancers serve on, and do not follow."""
    [url, *_] = system.serving("web", 2)
    wait_until(lambda: system.ready("web"), 60, "the sample pool")
    pid = system.stack.cluster.pids()["master"]
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: "Mesos" in reasons(system), LOADED, "the status to tell of the master")
        assert "gives no answer within 5 s" in system.edgelb("doctor").stdout
        assert system.stack.fetch(url)[0] == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: system.ready("web"), 60, "the pool to be ready again")


def test_each_death_of_haproxy_is_told(system: System) -> None:
    """It is back within a second, and the status knows when and how it went."""
    wait_until(lambda: system.ready("web"), 60, "the sample pool")
    victim = system.instances("web")[0]
    system.kill(victim["haproxy"]["master"])
    wait_until(lambda: "HAProxy was ended by SIGKILL at" in system.edgelb("status", "web").stdout, 30, "the death")
    wait_until(lambda: system.ready("web"), 30, "the pool to be ready")


def test_an_api_and_a_scheduler_that_hang_are_started_again(system: System) -> None:
    """Both at once; nobody is left who could tell, and the supervisor needs nobody."""
    wait_until(lambda: system.ready("web"), 60, "the sample pool")
    pids = [system.child(component) for component in ("api", "scheduler")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: not any(map(processes.alive, pids)), LOADED, "their end by force")
    wait_until(lambda: system.ready("web"), 60, "the pool to be ready with their successors")
