"""Who gets which offers, and when."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.local.flags import resources
from tests.unit.sdk.local.model import World, amounts, launch, task

STEPS = ("subscribe", "leave", "register", "lose", "take", "decline", "revive", "teardown", "cycle")


def held(offer: dict[str, Any]) -> dict[str, float]:
    """The scalars of an offer."""
    return {item["name"]: item["scalar"]["value"] for item in offer["resources"] if "scalar" in item}


def test_new_schedulers_and_agents_get_offers_at_once() -> None:
    """No waiting for the cycle on SUBSCRIBE and registration."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    assert [offer["hostname"] for offer in world.offers("s")] == ["a1"]
    world.agent("a2")
    assert [offer["hostname"] for offer in world.offers("s")] == ["a2"]


def test_static_reservations_go_to_their_role_and_below() -> None:
    """`slave_public` and `slave_public/x` are offered what is reserved for slave_public; other roles are not."""
    for role, sees in [("slave_public", True), ("slave_public/x", True), ("other", False), ("slave_publicx", False)]:
        world = World()
        world.agent("a1", "cpus(slave_public):4;mem(slave_public):1024")
        world.subscribe("s", role)
        offers = world.offers("s")
        assert bool(offers) is sees
        if sees:
            resource = offers[0]["resources"][0]
            assert resource["reservations"] == [{"type": "STATIC", "role": "slave_public"}]
            assert resource["allocation_info"] == offers[0]["allocation_info"] == {"role": role}


def test_an_agent_goes_to_one_role_at_a_time() -> None:
    """Two roles share agents, never one agent."""
    world = World()
    world.agent("a1")
    world.agent("a2")
    world.subscribe("s", "r1", "r2")
    roles = {offer["hostname"]: offer["allocation_info"]["role"] for offer in world.offers("s")}
    assert sorted(roles.values()) == ["r1", "r2"]


def test_the_poorer_framework_is_served_first() -> None:
    """What one framework declines for a while goes to the other."""
    world = World()
    world.agent("a1")
    world.subscribe("s1", "r1")
    world.subscribe("s2", "r2")
    offer = world.offers("s1")[0]
    world.decline("s1", offer, 5.0)
    world.at(1.0)
    assert [item["hostname"] for item in world.offers("s2")] == ["a1"]


def test_declined_offers_come_back_after_their_time() -> None:
    """refuse 3 s: the first cycle after 3 s; 0: the next cycle; none or negative: 5 s."""
    for refuse, silent, back in [(3.0, 3.0, 4.0), (0.0, 0.9, 1.0), (None, 5.0, 6.0), (-5.0, 5.0, 6.0)]:
        world = World()
        world.agent("a1")
        world.subscribe("s")
        world.decline("s", world.offers("s")[0], refuse)
        world.at(silent)
        assert not world.offers("s")
        world.at(back)
        assert world.offers("s")


def test_revive_clears_filters_and_suppression() -> None:
    """REVIVE brings offers at once; SUPPRESS keeps what was offered."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    offer = world.offers("s")[0]
    world.call("s", "SUPPRESS")
    assert not world.of("s", "RESCIND")
    world.decline("s", offer, 3600.0)
    world.at(10.0)
    assert not world.offers("s")
    world.call("s", "REVIVE")
    assert world.offers("s")


def test_suppress_by_role() -> None:
    """A suppressed role gets nothing; the others get all."""
    world = World()
    world.subscribe("s", "r1", "r2", suppressed=["r1"])
    world.agent("a1")
    world.agent("a2")
    assert {offer["allocation_info"]["role"] for offer in world.offers("s")} == {"r2"}
    assert world.call("s", "SUPPRESS", {"roles": ["bad role"]}).status == 202


def test_the_rest_of_an_accepted_offer_comes_back() -> None:
    """What a task uses is not offered again until it ends; a freed part becomes an additional offer."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1", cpus=1.5)))
    world.at(1.0)
    rest = world.offers("s")[0]
    assert held(rest) == {"cpus": 2.5, "mem": 960.0}
    world.report("a1", "t1", "TASK_FINISHED")
    world.at(2.0)
    more = world.offers("s")
    assert [held(item) for item in more] == [{"cpus": 1.5, "mem": 64.0}]


def test_a_filter_does_not_hide_more_than_was_refused() -> None:
    """Resources that were freed meanwhile are offered although the smaller amount is refused."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1", cpus=3.0)), refuse=3600.0)
    world.at(5.0)
    assert not world.offers("s")
    world.report("a1", "t1", "TASK_FINISHED")
    world.at(6.0)
    assert held(world.offers("s")[0]) == {"cpus": 4.0, "mem": 1024.0}


def test_nothing_to_do_needs_no_ticks() -> None:
    """An idle master wakes only for heartbeats and pings."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    assert world.master.next_tick() == 15.0


def test_disconnected_agent_is_rescinded_and_not_offered() -> None:
    """The offers of an agent without a connection end; another cycle makes none."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    offer = world.offers("s")[0]
    world.take(world.master.agent_disconnected("a1", now=world.now))
    assert world.of("s", "RESCIND") == [{"type": "RESCIND", "rescind": {"offer_id": offer["id"]}}]
    world.at(3.0)
    assert not world.offers("s")


def test_offer_shows_executors_of_the_framework() -> None:
    """`executor_ids` names the custom executors that run there."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    offer = world.offers("s")[0]
    executor = {
        "type": "CUSTOM", "executor_id": {"value": "ex"}, "command": {"value": "x"},
        "resources": amounts(offer, cpus=0.1, mem=32.0),
    }  # fmt: skip
    world.accept("s", offer, launch(task(offer, "t1", executor=executor), task(offer, "t2", executor=executor)))
    world.at(1.0)
    rest = world.offers("s")[0]
    assert rest["executor_ids"] == [{"value": "ex"}]
    assert held(rest) == {"cpus": 1.9, "mem": 864.0}


def test_offer_filters_say_what_is_worth_an_offer() -> None:
    """`min_allocatable_resources` of a role replaces the default: any of its groups, each as a whole."""
    groups = [{"quantities": {"cpus": {"value": 2.0}, "mem": {"value": 100.0}}}, {"quantities": {"x": {"value": 1.0}}}]
    filters = {"r": {"min_allocatable_resources": {"quantities": groups}}}
    world = World()
    world.subscribe("s", "r", "other", offer_filters=filters, suppressed=["other"])
    for number, (text, wanted) in enumerate(
        [("cpus:2;mem:64", False), ("cpus:2;mem:100", True), ("cpus:1;mem:999;x:1", True), ("cpus:8", False)]
    ):
        world.agent(f"a{number}", text)
        assert bool(world.offers("s")) is wanted
    # Another role has the default.
    world.call("s", "REVIVE", {"roles": ["other"]})
    assert {offer["allocation_info"]["role"] for offer in world.offers("s")} == {"other"}


def test_offer_filters_without_quantities_take_everything() -> None:
    """An empty requirement makes an offer of what the default is too little for."""
    world = World()
    world.subscribe("s", offer_filters={"r": {"min_allocatable_resources": {}}})
    world.agent("a1", "cpus:0.001;disk:5")
    assert held(world.offers("s")[0]) == {"cpus": 0.001, "disk": 5.0}


def test_one_agent_is_allocated_without_the_others() -> None:
    """An agent that registers brings its own offers; what another freed waits for the cycle."""
    world = World()
    world.agent("a1")
    world.subscribe("s")
    world.decline("s", world.offers("s")[0], 0.0)
    world.agent("a2")
    assert [offer["hostname"] for offer in world.offers("s")] == ["a2"]
    world.at(1.0)
    assert [offer["hostname"] for offer in world.offers("s")] == ["a1"]


def books(world: World) -> None:
    """Agents, frameworks and the master agree on who holds what."""
    state = world.master.state
    found = {name for agent in state.agents.values() for name in agent.offers}
    assert found == {name for framework in state.frameworks.values() for name in framework.offers} == set(state.offers)
    for agent in state.agents.values():
        used = agent.free
        for offer in agent.offers.values():
            used = used + offer.resources.unallocated()
        for framework in state.frameworks.values():
            for item in framework.tasks.values():
                if item.charged and item.agent_id == agent.agent_id:
                    used = used + item.resources.unallocated()
        assert used == agent.total
    total: dict[str, int] = {}
    for agent in state.agents.values():
        for name, amount in agent.total.scalars().items():
            total[name] = total.get(name, 0) + amount
    assert {name: amount for name, amount in state.capacity.total.items() if amount} == total
    for framework in state.frameworks.values():
        sums: dict[str, int] = {}
        for part in [*(item.resources for item in framework.tasks.values() if item.charged),
                     *(offer.resources for offer in framework.offers.values())]:  # fmt: skip
            for name, amount in part.scalars().items():
                sums[name] = sums.get(name, 0) + amount
        kept: dict[str, int] = {}
        for held_in_role in framework.held.values():
            for name, amount in held_in_role.items():
                kept[name] = kept.get(name, 0) + amount
        assert kept == sums


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), max_size=30))
def test_the_books_hold_whatever_happens(steps: list[tuple[str, int]]) -> None:
    """Offers, used and free resources always add up to what agents have, in every account of them."""
    world = World()
    numbers = iter(range(10_000))
    for what, index in steps:
        stream, framework_id, agent = f"s{index}", f"f{index}", f"a{index}"
        match what:
            case "subscribe":
                world.subscribe(stream, f"r{index % 2}", framework_id=framework_id)
            case "leave":
                world.take(world.master.scheduler_disconnected(stream, now=world.now))
            case "register":
                world.say(f"{agent}-{next(numbers)}", {"type": "REGISTER", "agent_info": {
                    "hostname": agent, "ip": "127.0.0.1", "port": 5050 + index,
                    "resources": resources("cpus:4;mem:1024;cpus(r0):1"),
                }})  # fmt: skip
            case "lose":
                known = [item for item in world.master.state.agents.values() if item.hostname == agent]
                for item in known[:1]:
                    world.take(world.master.agent_disconnected(item.connection or "", now=world.now))
            case "take" | "decline":
                for offer in world.offers(stream):
                    name = f"t{next(numbers)}"
                    if what == "take" and any(item["name"] == "mem" for item in offer["resources"]):
                        operation = launch(task(offer, name, cpus=0.5, mem=32.0))
                        world.accept(stream, offer, operation, refuse=2.0, framework_id=framework_id)
                    else:
                        world.decline(stream, offer, 2.0, framework_id=framework_id)
            case "revive":
                world.call(stream, "REVIVE", framework_id=framework_id)
            case "teardown":
                world.operator("TEARDOWN", {"framework_id": {"value": framework_id}})
            case _:
                world.at(world.now + 1.0)
        books(world)
