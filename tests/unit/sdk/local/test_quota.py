"""Quotas: what operators may set, what they do to offers, and that they outlive a master."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.local.core import Answer, Master
from sdk.local.core.headroom import consumed
from tests.unit.sdk.local.model import World, amounts, launch, task

Json = dict[str, Any]


def scalars(**values: float) -> Json:
    """A map of names to Scalar messages."""
    return {name: {"value": value} for name, value in values.items()}


def config(role: str, guarantees: Json | None = None, limits: Json | None = None) -> Json:
    """A QuotaConfig."""
    found: Json = {"role": role}
    if guarantees is not None:
        found["guarantees"] = guarantees
    if limits is not None:
        found["limits"] = limits
    return found


def update(world: World, *configs: Json, force: bool = False) -> Answer:
    """UPDATE_QUOTA."""
    return world.operator("UPDATE_QUOTA", {"quota_configs": list(configs), "force": force})


def held(offers: list[Json]) -> dict[str, float]:
    """The scalars of offers, summed."""
    found: dict[str, float] = {}
    for offer in offers:
        for item in offer["resources"]:
            if "scalar" in item:
                found[item["name"]] = found.get(item["name"], 0.0) + item["scalar"]["value"]
    return found


# --- what may be set -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (config("r", scalars(cpus=2), scalars(cpus=1)), "is not contained within the 'QuotaConfig.limits'"),
        (config("r", scalars(cpus=-1)), "Invalid guarantee configuration {'cpus': -1}: Negative values not supported"),
        (config("r", None, scalars(mem=-1)), "Invalid limit configuration {'mem': -1}: Negative values not supported"),
        (config("r", scalars(cpus=1e13)), "values greater than 1 trillion (1000000000000) are not supported"),
        (config("r", scalars(disk=1e13)), "values greater than 1 exabyte (1099511627776) are not supported"),
        (config("r "), "Invalid 'QuotaConfig.role': Role component 'r ' is invalid"),
        (config(""), "Invalid 'QuotaConfig.role': Role names cannot be the empty string"),
        (config("r/x", scalars(cpus=1)), "Updating quota on nested role 'r/x' is not supported yet"),
        (config("r", scalars(cpus=5)), "total quota guarantees 'cpus:6' exceed cluster capacity 'cpus:4; mem:1024'"),
    ],
)
def test_wrong_quotas_change_nothing(wrong: Json, words: str) -> None:
    """400 with the reason, and the good ones of the same call are not kept either."""
    world = World()
    world.agent("a1")
    answer = update(world, config("good", scalars(cpus=1)), wrong)
    assert answer.status == 400
    assert words in answer.text
    assert not world.master.state.quotas


def test_force_allows_what_cannot_be_satisfied_now() -> None:
    """More than the cluster has, and less than the role uses already; with `force` both are taken."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1", cpus=2.0)))
    low = config("r", None, scalars(cpus=1))
    answer = update(world, low)
    assert answer.status == 400
    assert "Role 'r' is already consuming 'cpus:2; mem:64'" in answer.text
    assert "(use 'force' flag to bypass this check)" in answer.text
    assert update(world, low, force=True).status == 200
    assert update(world, config("x", scalars(cpus=50)), force=True).status == 200


def test_a_quota_without_anything_removes_it() -> None:
    """As Mesos does: the default quota is none."""
    world = World()
    update(world, config("r", None, scalars(cpus=1)))
    update(world, config("r"))
    assert not world.master.state.quotas


def test_set_and_remove_are_guarantee_and_limit_in_one() -> None:
    """SET_QUOTA for a role that has none, REMOVE_QUOTA for one that has; 409 for more than there is."""
    world = World()
    world.agent("a1")
    guarantee = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2.0}}]
    request = {"quota_request": {"role": "r", "guarantee": guarantee}}
    assert world.operator("SET_QUOTA", request).status == 200
    assert world.master.state.quotas == {"r": config("r", scalars(cpus=2.0), scalars(cpus=2.0))}
    assert "already has quota" in world.operator("SET_QUOTA", request).text
    status = world.operator("GET_QUOTA").body
    assert status is not None
    assert status["get_quota"]["status"]["infos"] == [{"role": "r", "guarantee": guarantee}]
    assert world.operator("REMOVE_QUOTA", {"role": "r"}).status == 200
    again = world.operator("REMOVE_QUOTA", {"role": "r"})
    assert (again.status, again.text) == (400, "Failed to remove quota: Role 'r' has no quota set")
    guarantee[0]["scalar"] = {"value": 20.0}
    answer = world.operator("SET_QUOTA", request)
    assert answer.status == 409
    assert answer.text.startswith("Quota guarantees overcommit the cluster (use 'force' to bypass this check)")
    request["quota_request"]["force"] = True
    assert world.operator("SET_QUOTA", request).status == 200


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({}, "QuotaInfo must specify a role"),
        ({"role": "r"}, "QuotaInfo with empty 'guarantee'"),
        ({"role": "a//b"}, "QuotaInfo with invalid role"),
        ({"role": "r", "guarantee": [{"name": "p", "type": "RANGES"}]}, "non-scalar"),
        ({"role": "r", "guarantee": [{"name": "cpus", "type": "SCALAR"}]}, "non-scalar"),
        ({"role": "r", "guarantee": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}] * 2}, "duplicate"),
        ({"role": "r", "guarantee": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "role": "r"}]},
         "ReservationInfo"),
    ],
)  # fmt: skip
def test_wrong_requests_of_the_old_kind(request_: Json, words: str) -> None:
    """400 and why."""
    world = World()
    answer = world.operator("SET_QUOTA", {"quota_request": request_})
    assert answer.status == 400
    assert words in answer.text


# --- what they do --------------------------------------------------------------------------------------------------


def test_limits_cut_offers() -> None:
    """No more of a limited scalar is offered than is left of the limit; all that is not limited is."""
    world = World()
    update(world, config("r", None, scalars(cpus=3)))
    world.agent("a1", "cpus:2;mem:512;ports:[1-9]")
    world.agent("a2", "cpus:2;mem:512")
    world.agent("a3", "cpus:2;mem:512")
    world.subscribe("s")
    offers = world.offers("s")
    assert held(offers) == {"cpus": 3.0, "mem": 1536.0}
    assert any(item["name"] == "ports" for item in offers[0]["resources"])
    # What is left belongs to others.
    world.subscribe("s2", "other")
    assert held(world.offers("s2")) == {"cpus": 3.0}


def test_a_limit_holds_for_the_roles_below() -> None:
    """`r/x` and `r` share the limit of `r`."""
    world = World()
    update(world, config("r", None, scalars(cpus=3)))
    world.agent("a1", "cpus:2;mem:512")
    world.agent("a2", "cpus:2;mem:512")
    world.subscribe("s1", "r")
    assert held(world.offers("s1"))["cpus"] == 3.0
    world.subscribe("s2", "r/x")
    world.agent("a3", "cpus:2;mem:512")
    assert "cpus" not in held(world.offers("s1") + world.offers("s2"))


def test_reservations_count_used_or_not() -> None:
    """What is reserved for a role is always offered to it, and leaves that much less of its limit."""
    world = World()
    update(world, config("r", None, scalars(cpus=3)))
    world.agent("a1", "cpus(r):2;cpus:4;mem:512")
    world.subscribe("s")
    offer = world.offers("s")[0]
    found = {bool(item.get("reservations")): item["scalar"]["value"] for item in offer["resources"]
             if item["name"] == "cpus"}  # fmt: skip
    assert found == {True: 2.0, False: 1.0}
    assert consumed(world.master.state, "r") == {"cpus": 3000, "mem": 512000}


def test_what_is_guaranteed_is_laid_away() -> None:
    """Nobody else gets what a role with an unsatisfied guarantee still has to get, even while it wants no offers."""
    world = World()
    world.agent("a1")
    update(world, config("r", scalars(cpus=3)))
    world.subscribe("other", "other")
    assert held(world.offers("other")) == {"cpus": 1.0, "mem": 1024.0}
    world.subscribe("s", "r")
    world.agent("a2", "cpus:1;mem:64")
    assert held(world.offers("s")) == {"cpus": 4.0, "mem": 64.0}


def test_guarantees_are_satisfied_before_shares() -> None:
    """A role that already has more than its share comes first until it has what it is guaranteed."""
    world = World()
    world.agent("big", "cpus:1;mem:4096")
    world.subscribe("s", "r")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1", cpus=1.0, mem=4096.0)))
    world.subscribe("other", "other")
    assert update(world, config("r", scalars(cpus=2)), force=True).status == 200
    world.agent("a1", "cpus:1;mem:64")
    assert held(world.offers("s")) == {"cpus": 1.0, "mem": 64.0}
    assert not world.offers("other")
    world.agent("a2", "cpus:1;mem:64")
    assert held(world.offers("other")) == {"cpus": 1.0, "mem": 64.0}


def test_a_new_quota_takes_offers_back() -> None:
    """Offers above the limit, and offers to others that a guarantee may need, are rescinded and made anew."""
    world = World()
    world.agent("a1")
    world.subscribe("s", "r")
    world.offers("s")
    update(world, config("r", None, scalars(cpus=1)))
    assert len(world.of("s", "RESCIND")) == 1
    world.at(1.0)
    assert held(world.offers("s")) == {"cpus": 1.0, "mem": 1024.0}
    update(world, config("x", scalars(mem=512)))
    assert len(world.of("s", "RESCIND")) == 2
    world.at(2.0)
    assert held(world.offers("s")) == {"cpus": 1.0, "mem": 512.0}


def test_devices_are_not_cut() -> None:
    """A disk that is a device is offered as a whole or not at all."""
    world = World()
    update(world, config("r", None, scalars(disk=50)))
    disk = {"name": "disk", "type": "SCALAR", "scalar": {"value": 100.0}}
    info = {"hostname": "a", "ip": "127.0.0.1", "port": 1, "resources": [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}},
        disk | {"disk": {"source": {"type": "MOUNT", "mount": {"root": "/d"}}}},
    ]}  # fmt: skip
    world.say("a", {"type": "REGISTER", "agent_info": info})
    world.subscribe("s")
    assert held(world.offers("s")) == {"cpus": 1.0}


def test_quotas_and_weights_outlive_the_master() -> None:
    """They are in the registry; with quotas a new master makes no offers until most agents are back."""
    world = World()
    update(world, config("r", None, scalars(cpus=1)))
    world.operator("UPDATE_WEIGHTS", {"weight_infos": [{"role": "r", "weight": 2.0}]})
    names = [world.agent(f"a{index}", port=7000 + index) for index in range(5)]
    registry = json.loads(json.dumps(world.master.registry()))
    again = World()
    again.master = Master(again.config, now=0.0, registry=registry)
    assert again.master.state.quotas == world.master.state.quotas
    assert again.master.state.weights == {"r": 2.0}
    again.subscribe("s")
    infos = registry["agents"]
    for index, name in enumerate(names[:4]):
        assert not again.offers("s")
        again.say(f"a{index}", {"type": "REREGISTER", "agent_info": infos[name]})
    assert held(again.offers("s"))["cpus"] == 1.0


def test_a_master_does_not_wait_for_ever() -> None:
    """After ten minutes offers are made without the agents that stayed away."""
    world = World()
    update(world, config("r", None, scalars(cpus=1)))
    names = [world.agent(f"a{index}", port=7000 + index) for index in range(5)]
    registry = json.loads(json.dumps(world.master.registry()))
    again = World(agent_ping_timeout=10_000.0)
    again.master = Master(again.config, now=0.0, registry=registry)
    again.subscribe("s")
    again.say("a0", {"type": "REREGISTER", "agent_info": registry["agents"][names[0]]})
    again.at(600.0)
    assert not again.offers("s")
    again.at(602.0)
    assert again.offers("s")


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries({"limit": st.integers(0, 12), "guarantee": st.integers(0, 12)}),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2)), min_size=1, max_size=5),
    st.lists(st.sampled_from(["take", "decline", "cycle"]), max_size=12),
)
def test_no_order_of_events_breaks_a_quota(
    quota: dict[str, int], agents: list[tuple[int, int]], steps: list[str]
) -> None:
    """Unreserved cpus of the limited role never exceed what its reservations leave of the limit, and others never get
    what the guaranteed role has not got yet.
    """
    world = World()
    total = sum(free + reserved for free, reserved in agents)
    guarantee = min(quota["guarantee"], total)
    update(world, config("lim", None, scalars(cpus=quota["limit"])), config("gua", scalars(cpus=guarantee)), force=True)
    # All agents first: a reservation that comes later counts at once, and nobody takes back what is used by then.
    for number, (free, reserved) in enumerate(agents):
        kept = f"cpus(lim):{reserved};" if reserved else ""
        world.agent(f"a{number}", f"{kept}cpus:{free};mem:64", port=7000 + number)
    world.subscribe("lim", "lim")
    world.subscribe("oth", "oth")
    streams = {"lim": "M-0000", "oth": "M-0001"}
    numbers = iter(range(10_000))
    for step in [*steps, "cycle"]:
        for stream, framework_id in streams.items():
            for offer in [] if step == "cycle" else world.offers(stream):
                plain = [item for item in offer["resources"] if item["name"] == "cpus" and "reservations" not in item]
                if step == "take" and plain:
                    name = f"t{next(numbers)}"
                    info = {"name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"],
                            "resources": plain, "command": {"value": "true"}}  # fmt: skip
                    world.accept(stream, offer, launch(info), framework_id=framework_id)
                else:
                    world.decline(stream, offer, 0.0, framework_id=framework_id)
        world.at(world.now + 1.0)
        unreserved = {
            role: held.get("cpus", 0)
            for item in world.master.state.frameworks.values()
            for role, held in item.unreserved.items()
        }
        reserved_cpus = sum(reserved for _, reserved in agents) * 1000
        assert unreserved.get("lim", 0) <= max(0, quota["limit"] * 1000 - reserved_cpus)
        free = sum(free for free, _ in agents) * 1000 - sum(unreserved.values())
        assert free >= min(guarantee * 1000, sum(free for free, _ in agents) * 1000)


def test_the_shape_of_amounts_is_that_of_offers() -> None:
    """A task that takes less than the limit leaves the rest of it to be offered."""
    world = World()
    update(world, config("r", None, scalars(cpus=3)))
    world.agent("a1")
    world.subscribe("s")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1", resources=amounts(offer, cpus=1.0, mem=64.0))))
    world.at(1.0)
    assert held(world.offers("s"))["cpus"] == 2.0


def test_a_reservation_counts_from_the_moment_it_is_made() -> None:
    """RESERVE_RESOURCES by an operator and UNRESERVE_RESOURCES change what counts against the quota."""
    world = World()
    agent_id = world.agent("a1")
    item = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.5}}
    item["reservations"] = [{"type": "DYNAMIC", "role": "r/x"}]
    content = {"agent_id": {"value": agent_id}, "resources": [item]}
    assert world.operator("RESERVE_RESOURCES", content).status == 202
    assert consumed(world.master.state, "r") == {"cpus": 1500}
    assert world.operator("UNRESERVE_RESOURCES", content).status == 202
    assert consumed(world.master.state, "r") == {}
