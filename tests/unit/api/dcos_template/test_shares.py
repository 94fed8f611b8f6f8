"""Weights by which services get their shares."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.selecting.selection import Selection
from api.dcos_template.selecting.shares import weights
from api.dcos_template.selecting.touched import BackendKey, Spot
from api.mesos_listener.task import Task
from scheduler.pools.model import Pool, Service
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from tests.support.pools import minimal
from tests.unit.api.dcos_template.pools import backend, pool, service, task


def names(counts: dict[int, int]) -> list[tuple[str, int]]:
    return [(f"agentip_10.0.{service}.{at}_1", service) for service, count in counts.items() for at in range(count)]


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 40)), min_size=1, max_size=5),
)
def test_each_service_gets_its_share_as_far_as_whole_numbers_can_say_it(services: list[tuple[int, int]]) -> None:
    """Whatever the number of its servers; those of one service differ by one at most."""
    percents = {number: percent for number, (percent, _) in enumerate(services)}
    servers = names({number: count for number, (_, count) in enumerate(services)})
    found = weights(servers, percents)
    assert found.keys() == {name for name, _ in servers}
    assert all(0 <= weight <= 256 for weight in found.values())
    units: Counter[int] = Counter()
    for name, number in servers:
        units[number] += found[name]
    live = {number for number, (percent, count) in enumerate(services) if percent and count}
    assert {number for number in units if units[number]} == live
    whole = sum(percents[number] for number in live)
    for number in live:
        of_service = [found[name] for name, one in servers if one == number]
        assert max(of_service) - min(of_service) <= 1
        wrong = abs(units[number] / units.total() - percents[number] / whole)
        assert wrong <= (len(live) + 1) / 2 / 256


def test_most_servers_keep_their_order_when_others_come_and_go() -> None:
    """Of many servers that share few units, those that get one are mostly the same."""
    percents, one = {0: 99, 1: 1}, names({0: 1, 1: 100})
    before = {name for name, weight in weights(one, percents).items() if weight}
    after = {name for name, weight in weights(one[:-1], percents).items() if weight}
    assert len(before) == 4
    assert len(before & after) >= 3


# ---------------------------------------------------------------- in the selection

BLUE, GREEN = service(task_name="blue"), service(task_name="green")
APP = BackendKey("web", "app")


def shared(blue: int, green: int) -> Pool:
    def of(one: Service, percent: int) -> Service:
        return Service(mesos=one.mesos, percent=percent)

    return pool("web", backend("app", of(BLUE, blue), of(GREEN, green)))


def tasks(name: str, count: int) -> list[Task]:
    return [task(f"{name}-{at}", name=name, agent_address=f"10.0.{len(name)}.{at + 1}") for at in range(count)]


def told(selection: Selection) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"blue": [], "green": []}
    for endpoint in selection.backends.endpoints_of(APP):
        found[endpoint.task.partition("-")[0]].append(endpoint.weight)
    return found


def test_shares_stay_right_when_servers_come_and_go_and_percents_change() -> None:
    """All whose weight is another one are told."""
    selection = Selection()
    selection.set_pool(shared(90, 10))
    selection.update([*tasks("blue", 9), *tasks("green", 1)], ())
    assert told(selection) == {"blue": [256] * 9, "green": [256]}
    more = tasks("green", 2)[1]
    moves = selection.update([more], ())["web"]
    assert told(selection) == {"blue": [256] * 9, "green": [128] * 2}
    assert (len(moves.gained), len(moves.lost)) == (1, 1)  # only the other green one is told anew
    moves = selection.update([], [more.key])["web"]
    assert told(selection) == {"blue": [256] * 9, "green": [256]}
    assert len(moves.lost) == 2
    moves = selection.set_pool(shared(0, 100))["web"]
    assert told(selection) == {"blue": [0] * 9, "green": [256]}
    assert {spot.backend for spot in moves.lost} == {"app"}
    assert len(moves.lost) == 9
    selection.set_pool(shared(-1, -1))
    assert told(selection) == {"blue": [-1] * 9, "green": [-1]}
    moves = selection.set_pool(shared(50, 50))["web"]
    assert (sum(told(selection)["blue"]), told(selection)["green"]) == (256, [256])
    assert len(moves.lost) == 10


def test_servers_that_nobody_may_be_sent_to_do_not_count() -> None:
    """One that drains has no share, and none after it has gone."""
    selection = Selection()
    selection.set_pool(shared(50, 50))
    blue, green = tasks("blue", 2), tasks("green", 1)
    selection.update([*blue, *green], ())
    assert told(selection) == {"blue": [128, 128], "green": [256]}
    leaving = task("blue-1", name="blue", agent_address="10.0.4.2", state="TASK_KILLING")
    moves = selection.update([leaving], ())["web"]
    assert sorted(told(selection)["blue"]) == [-1, 256]
    assert Spot("app", "agentip_10.0.4.1_10001") in moves.lost


@pytest.mark.parametrize(
    ("percents", "fields", "problem"),
    [
        ((90, 9), {}, "services[1].percent: 9 invalid: makes 99 with those of the other services"),
        ((100, -1), {}, "services[1].percent: is required"),
        ((50, 50), {"balance": "static-rr"}, "balance: static-rr invalid: does not go by weights"),
        ((50, 50), {"balance": "first"}, "balance: first invalid: does not go by weights"),
    ],
)
def test_percents_that_mean_nothing_are_refused(
    percents: tuple[int, int], fields: dict[str, str], problem: str
) -> None:
    """By the field to change."""
    made = minimal()
    services = [{"percent": percent, "mesos": {"taskName": f"t{percent}"}} for percent in percents]
    made["haproxy"]["backends"][0].update(fields, services=services)
    with pytest.raises(InvalidPool) as refused:
        load_pool(made)
    assert problem in str(refused.value)


@pytest.mark.parametrize("endpoint", [{"weight": 2}, {"backup": True}, {"miscStr": "weight 2"}, {"miscStr": "backup"}])
def test_weights_of_two_kinds_are_refused(endpoint: dict[str, object]) -> None:
    """Nobody could tell which of them counts."""
    made = minimal()
    made["haproxy"]["backends"][0]["services"] = [{"percent": 100, "mesos": {"taskName": "t"}, "endpoint": endpoint}]
    with pytest.raises(InvalidPool, match="beside percent, which sets weights"):
        load_pool(made)
