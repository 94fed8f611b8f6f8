"""Who gets which offers, and when."""

from typing import Any

from tests.unit.sdk.local.model import World, amounts, launch, task


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
