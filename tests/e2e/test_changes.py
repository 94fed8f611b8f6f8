"""Changes of applications and pools as their users see them."""

import itertools
import uuid
from functools import partial
from typing import Any

import pytest

from sdk.local import processes
from tests.e2e.conftest import System
from tests.support.http import request
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


def post(system: System, document: dict[str, Any]) -> tuple[int, str]:
    """Send a pool and return status and message of the answer."""
    answer = request("POST", f"{system.stack.api}/v2/pools", json=document)
    return answer.status, answer.json().get("message", "")


def test_starting_and_killing_tasks_all_the_time_fails_no_request_and_needs_no_reload(system: System) -> None:
    """A client that never retries sees no failure while the application grows and shrinks twenty times."""
    url = system.serving("web", 2)[0]
    before = system.instance_behind(url)
    with load_in_thread(url, rps=100) as load:

        def running(count: int) -> bool:
            return len(system.application_tasks()) == count

        def sent(requests: int) -> bool:
            return load.report().requests >= requests

        for count in itertools.islice(itertools.cycle((3, 4, 3, 2)), 20):
            seen = load.report().requests
            system.scale_application(count)
            wait_until(partial(running, count), 30, f"{count} application tasks")
            # Each change meets traffic.
            wait_until(partial(sent, seen + 50), 30, "fifty requests meanwhile")
        system.scale_application(2)
        wait_until(lambda: len(system.answers(url)) == 2, 30, "two application instances in the traffic")
    after = system.instance_behind(url)
    assert load.report().failures == {}
    assert after["counters"]["server_added"] > before["counters"]["server_added"]
    assert after["counters"]["reload"] == before["counters"]["reload"]
    assert after["haproxy"]["workers"] == before["haproxy"]["workers"]


def application_processes(system: System) -> list[int]:
    """Process ids of the sample application's servers."""
    directory = str(system.stack.layout.directory)
    return [
        pid
        for pid in processes.everyone()
        if "examples.webapp" in processes.command_line(pid)
        and processes.environment(pid).get("MESOS_SANDBOX", "").startswith(directory)
        and processes.command_line(pid)[1:2] == ["-m"]
    ]


def test_an_application_that_dies_without_a_word_costs_no_request(system: System) -> None:
    """SIGKILL of an instance under load: its requests are sent to another one before anybody has heard of its end."""
    url = system.serving("web", 2)[0]
    system.scale_application(3)
    wait_until(lambda: len(system.answers(url)) == 3, 30, "three application instances in the traffic")
    with load_in_thread(url, rps=100) as lasting, load_in_thread(url, rps=50, keep_alive=False) as fresh:
        for _ in range(4):
            before = application_processes(system)
            assert len(before) == 3
            system.kill(before[0])

            def replaced(before: list[int] = before) -> bool:
                now = application_processes(system)
                return len(now) == 3 and before[0] not in now and len(system.application_tasks()) == 3

            wait_until(replaced, 40, "a new instance in its place")
            wait_until(lambda: len(system.answers(url)) == 3, 30, "three application instances in the traffic")
    system.scale_application(2)
    assert lasting.report().failures == {}
    assert fresh.report().failures == {}


def test_a_pool_that_cannot_be_placed_says_why(system: System) -> None:
    """The status counts the refusals of the last offers by their reason."""
    name = f"stuck-{uuid.uuid4().hex[:6]}"
    document = system.pool(name, count=1, cpus=400)
    assert post(system, document)[0] == 200

    def summary() -> str:
        [pod] = system.pods(name)
        return str(pod["pending"]["summary"])

    wait_until(lambda: "cpus" in summary(), 30, "the reason in the status")
    assert "offer" in summary()
    system.delete(name)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "foo:bar"}, "pool.name: foo:bar invalid: did not match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
        ({"surprise": 1}, "surprise"),
        ({"constraints": "hostname:SIDEWAYS"}, "constraints"),
    ],
)
def test_a_wrong_pool_is_refused_with_the_field_and_the_rule(
    system: System, changes: dict[str, Any], expected: str
) -> None:
    """400 names the field path and what is wrong with it."""
    status, message = post(system, system.pool("wrong") | changes)
    assert status == 400
    assert expected in message


def test_an_unknown_backend_and_a_broken_pattern_are_refused_with_their_paths(system: System) -> None:
    """400 names the path inside the pool."""
    document = system.pool("wrong")
    document["haproxy"]["frontends"][0]["linkBackend"]["defaultBackend"] = "nowhere"
    status, message = post(system, document)
    assert (status, "nowhere" in message, "frontends" in message) == (400, True, True)
    document = system.pool("wrong")
    document["haproxy"]["backends"][0]["services"][0]["mesos"] = {"taskNamePattern": "we(b"}
    status, message = post(system, document)
    assert (status, "taskNamePattern" in message) == (400, True)


def test_deleting_a_pool_leaves_nothing_of_it(system: System) -> None:
    """No task, no reservation, no HAProxy process and no ZooKeeper node is left, but for what the pool was."""
    name = f"gone-{uuid.uuid4().hex[:6]}"
    system.create(system.pool(name, count=1))
    [instance] = system.instances(name)
    system.delete(name)
    history = [f"/edgelb/history/{name}"]
    wait_until(lambda: system.zookeeper_nodes_with(name) == history, 60, "the end of the pool's ZooKeeper nodes")
    assert not system.task_ids(name)
    assert not system.alive(instance["haproxy"]["master"])
    assert name not in system.reserved_services()
