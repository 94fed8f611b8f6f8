"""Reading TaskInfo."""

import base64
import json
import math
from typing import Any

import pytest

from pool_executor.lbmgr.haproxy.old_workers import WorkerLimits
from pool_executor.lbmgr.haproxy.resources import Resources
from pool_executor.task import ServedHaproxy, parse
from sdk.errors import CorruptRecord

DATA: dict[str, Any] = {
    "pool": "web",
    "pod": "edgelb-pool-0",
    "zk": "127.0.0.1:2181",
    "zk_root": "/edgelb",
    "ports": {"web": 80},
    "health": {"grace": 60, "interval": 12, "max_fail": 5, "timeout": 60},
    "kill_grace": 30,
    "bind": {"web": "10.0.0.1"},
}


def task(data: object, **more: object) -> dict[str, Any]:
    encoded = data if isinstance(data, str) else base64.b64encode(json.dumps(data).encode()).decode()
    return {"task_id": {"value": "t-1"}, "data": encoded, **more}


def test_an_assignment_is_read() -> None:
    """All of the contract's fields arrive."""
    found = parse(task(DATA))
    assert (found.task_id, found.pool, found.pod, found.zk, found.zk_root) == (
        "t-1",
        "web",
        "edgelb-pool-0",
        "127.0.0.1:2181",
        "/edgelb",
    )
    assert (found.ports, found.binds, found.kill_grace) == ({"web": 80}, {"web": "10.0.0.1"}, 30)
    assert (found.health.grace, found.health.interval, found.health.max_fail, found.health.timeout) == (60, 12, 5, 60)


def test_limits_of_old_workers_are_read_and_need_not_be_there() -> None:
    """A scheduler of an older version does not send them."""
    assert parse(task(DATA)).limits == WorkerLimits()
    limits = {"most": 3, "hard_stop_after": 900, "close_spread": 2.5}
    assert parse(task({**DATA, "old_workers": limits})).limits == WorkerLimits(
        most=3, hard_stop_after=900.0, close_spread=2.5
    )


def test_a_haproxy_may_come_with_the_task() -> None:
    """Else it is the agent's own."""
    assert parse(task(DATA)).haproxy is None
    found = parse(task({**DATA, "haproxy": {"archive": "haproxy.zip", "sha256": "ab"}})).haproxy
    assert found == ServedHaproxy(archive="haproxy.zip", sha256="ab")


def test_resources_are_those_of_the_task_and_its_executor() -> None:
    """Reserved or not, in as many pieces as Mesos has them; they are one container's."""

    def scalar(name: str, value: float, **more: object) -> dict[str, Any]:
        return {"name": name, "type": "SCALAR", "scalar": {"value": value}, **more}

    ports = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 80, "end": 80}]}}
    mine = [scalar("cpus", 0.5), scalar("cpus", 0.4, reservations=[]), scalar("mem", 992), ports]
    found = parse(task(DATA, resources=mine, executor={"resources": [scalar("cpus", 0.1), scalar("mem", 32)]}))
    assert found.resources.cpus == pytest.approx(1.0)
    assert found.resources.memory == 1024
    assert parse(task(DATA)).resources == Resources()
    with pytest.raises(CorruptRecord, match=r"resources\.cpus\.scalar\.value: is 'many'"):
        parse(task(DATA, resources=[{"name": "cpus", "scalar": {"value": "many"}}]))


def test_the_kill_policy_of_the_task_counts_first() -> None:
    """Mesos' own field is what operators see."""
    assert parse(task(DATA, kill_policy={"grace_period": {"nanoseconds": 1_500_000_000}})).kill_grace == 1.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ports": None}, "data.ports: is missing"),
        ({"ports": {"web": 0}}, "data.ports.web: is 0; it must be a port number"),
        ({"ports": [80]}, "data.ports: is [80]; it must be an object"),
        ({"health": {}}, "data.health.grace: is missing"),
        ({"zk": ""}, "data.zk: is ''; it must be a string"),
        ({"kill_grace": math.inf}, "data.kill_grace: is inf; it must be a number from 0"),
        ({"health": {"grace": math.nan}}, "data.health.grace: is nan; it must be a number from 0"),
        ({"old_workers": {"most": -1}}, "data.old_workers.most: is -1; it must be a number from 0"),
        ({"kill_grace": -1}, "data.kill_grace: is -1; it must be a number from 0"),
        ({"haproxy": {"archive": "a.zip"}}, "data.haproxy.sha256: is missing"),
        (
            {"haproxy": {"archive": "../a", "sha256": "0"}},
            "data.haproxy.archive: is '../a'; it must be the name of a file in the sandbox",
        ),
        ({"bind": {"web": 5}}, "data.bind.web: is 5; it must be a string"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], message: str) -> None:
    """The sentence reaches the operator as the message of TASK_FAILED."""
    with pytest.raises(CorruptRecord) as caught:
        parse(task(DATA | change))
    assert str(caught.value) == message


@pytest.mark.parametrize("data", ["%%%", "bm90IGpzb24=", "WzFd"])
def test_data_that_is_no_object_is_refused(data: str) -> None:
    """No base64, no JSON, no object."""
    with pytest.raises(CorruptRecord, match="data: "):
        parse(task(data))


def test_variables_of_the_pool_are_read_and_never_shown() -> None:
    """Their values may be keys."""
    found = parse(task({**DATA, "environment": {"ELB_FILE_A": "key", "B": ""}}))
    assert found.environment == {"ELB_FILE_A": "key", "B": ""}
    assert "'key'" not in repr(found)
    with pytest.raises(CorruptRecord, match=r"^data\.environment\.B: is no string$"):
        parse(task({**DATA, "environment": {"B": ["key"]}}))
