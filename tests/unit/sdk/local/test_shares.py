"""Weighted dominant resource fairness over roles and frameworks."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.local.core.model import Framework
from sdk.local.core.shares import Shares
from tests.unit.sdk.local.model import World, launch, task

TOTALS = {"cpus": 100_000, "mem": 100_000}


def framework(name: str, held: dict[str, dict[str, int]], *roles: str, suppressed: bool = False) -> Framework:
    """A subscribed framework that holds so much in each role."""
    names = list(roles or held)
    info = {"name": name, "roles": names, "capabilities": [{"type": "MULTI_ROLE"}]}
    made = Framework(framework_id=name, info=info, registered=0.0, reregistered=0.0, stream=name)
    made.held = held
    made.suppressed = set(names) if suppressed else set()
    return made


def order(weights: dict[str, float], *frameworks: Framework) -> list[str]:
    """The roles, the poorest first."""
    return Shares(TOTALS, weights, frameworks).roles()


def test_the_dominant_share_counts() -> None:
    """Little of everything is less than much of one thing."""
    one = framework("1", {"cpus-heavy": {"cpus": 50_000}})
    other = framework("2", {"both": {"cpus": 30_000, "mem": 40_000}})
    assert order({}, one, other) == ["both", "cpus-heavy"]


def test_weights_divide_shares() -> None:
    """Twice the weight may hold twice as much."""
    one = framework("1", {"a": {"cpus": 30_000}})
    other = framework("2", {"b": {"cpus": 20_000}})
    assert order({}, one, other) == ["b", "a"]
    assert order({"a": 2.0}, one, other) == ["a", "b"]


def test_roles_are_compared_level_by_level() -> None:
    """A poor child of a rich parent waits behind all of a poorer tree, and weights hold on their level."""
    rich = framework("1", {"eng/x": {"cpus": 50_000}})
    poor = framework("2", {"eng/y": {}})
    ads = framework("3", {"ads": {"cpus": 10_000}})
    assert order({}, rich, poor, ads) == ["ads", "eng/y", "eng/x"]
    assert order({"eng": 6.0}, rich, poor, ads) == ["eng/y", "eng/x", "ads"]
    assert order({"eng/x": 60.0}, rich, poor, ads) == ["ads", "eng/y", "eng/x"]


def test_a_role_above_others_competes_with_them() -> None:
    """`a` itself stands beside `a/b`, and together they make up the share of `a`."""
    own = framework("1", {"a": {"cpus": 20_000}})
    child = framework("2", {"a/b": {"cpus": 10_000}})
    other = framework("3", {"z": {"cpus": 25_000}})
    assert order({}, own, child, other) == ["z", "a/b", "a"]
    assert order({}, child, own) == ["a/b", "a"]


def test_who_wants_nothing_still_counts_for_the_role() -> None:
    """A role without anybody who wants offers is left out; what its frameworks hold is held."""
    quiet = framework("1", {"a": {"cpus": 20_000}}, suppressed=True)
    loud = framework("2", {"a": {}})
    other = framework("3", {"b": {"cpus": 10_000}})
    assert order({}, quiet, other) == ["b"]
    assert order({}, quiet, loud, other) == ["b", "a"]


def test_at_equal_shares_fewer_offers_come_first() -> None:
    """Who was offered something less often is next, then the id decides."""
    one, two = framework("1", {"a": {}}), framework("2", {"a": {}})
    shares = Shares(TOTALS, {}, [two, one])
    assert [item.framework_id for item in shares.frameworks("a")] == ["1", "2"]
    one.allocations["a"] = 1
    shares.charge("a", one, {})
    assert [item.framework_id for item in shares.frameworks("a")] == ["2", "1"]


@given(
    st.lists(st.sampled_from(["a", "b", "a/x", "a/y", "a/x/1", "b/x", "c"]), min_size=1, max_size=6, unique=True),
    st.dictionaries(st.sampled_from(["a", "b", "a/x", "c"]), st.floats(0.1, 10.0)),
    st.lists(st.integers(0, 5), min_size=1, max_size=30),
)
def test_charging_is_the_same_as_starting_again(roles: list[str], weights: dict[str, float], taken: list[int]) -> None:
    """The order after each charge is the order that is worked out from nothing."""
    everybody = [framework(f"{index}", {role: {}}) for index, role in enumerate(roles)]
    shares = Shares(TOTALS, weights, everybody)
    for index in taken:
        chosen = everybody[index % len(everybody)]
        role = chosen.roles[0]
        chosen.held[role]["cpus"] = chosen.held[role].get("cpus", 0) + 7_000
        chosen.allocations[role] = chosen.allocations.get(role, 0) + 1
        shares.charge(role, chosen, {"cpus": 7_000})
        again = Shares(TOTALS, weights, everybody)
        assert shares.roles() == again.roles()
        assert sorted(shares.roles()) == sorted(roles)


# --- through the master --------------------------------------------------------------------------------------------


def take_all(world: World, streams: dict[str, str]) -> None:
    """Every framework launches one task that fills each agent it is offered."""
    for stream, framework_id in streams.items():
        for offer in world.offers(stream):
            name = f"t{offer['id']['value']}"
            answer = world.accept(stream, offer, launch(task(offer, name, cpus=1.0)), framework_id=framework_id)
            assert answer.status == 202


def grown(weights: list[float], agents: int, frameworks_per_role: int = 1) -> list[list[int]]:
    """How many agents each framework of each role holds after so many agents of one cpu came."""
    world = World()
    named = [{"role": f"r{index}", "weight": weight} for index, weight in enumerate(weights)]
    assert world.operator("UPDATE_WEIGHTS", {"weight_infos": named}).status == 200
    streams: dict[str, str] = {}
    for index in range(len(weights)):
        for _ in range(frameworks_per_role):
            name = f"s{len(streams)}"
            world.subscribe(name, f"r{index}")
            streams[name] = f"M-{len(streams):04d}"
    for number in range(agents):
        world.agent(f"a{number}", "cpus:1;mem:64", port=6000 + number)
        take_all(world, streams)
    held = [len(world.master.state.frameworks[name].tasks) for name in streams.values()]
    return [held[at : at + frameworks_per_role] for at in range(0, len(held), frameworks_per_role)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=5))
def test_shares_converge_to_the_weights(weights: list[int]) -> None:
    """With equal demand every role ends within one task of its part by weight, as agents come one by one."""
    agents = 8 * sum(weights)
    for weight, held in zip(weights, grown([float(item) for item in weights], agents), strict=True):
        assert abs(held[0] - agents * weight / sum(weights)) <= 1


def test_frameworks_of_a_role_share_equally() -> None:
    """The weight is the role's; within it nobody gets two more than another."""
    found = grown([1.0, 3.0], 48, frameworks_per_role=3)
    assert [sum(item) for item in found] == [12, 36]
    assert all(max(item) - min(item) <= 1 for item in found)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 8), st.sampled_from([0.0, 1.5]))
def test_nobody_starves_among_those_who_refuse(frameworks: int, refuse: float) -> None:
    """When everybody declines, everybody has had an offer of the only agent before anybody had a third one."""
    world = World()
    world.agent("a1")
    for index in range(frameworks):
        world.subscribe(f"s{index}", "r")
    had = [0] * frameworks
    for cycle in range(1, 3 * frameworks):
        for index in range(frameworks):
            for offer in world.offers(f"s{index}"):
                had[index] += 1
                world.decline(f"s{index}", offer, refuse, framework_id=f"M-{index:04d}")
        assert max(had) - min(had) <= 2
        world.at(float(cycle))
    assert min(had) >= 1


def test_a_changed_weight_takes_offers_back() -> None:
    """UPDATE_WEIGHTS of a role that somebody subscribed to rescinds all offers; of another role it does not."""
    world = World()
    world.agent("a1")
    world.subscribe("s", "r")
    world.operator("UPDATE_WEIGHTS", {"weight_infos": [{"role": "nobody", "weight": 3.0}]})
    assert not world.of("s", "RESCIND")
    world.operator("UPDATE_WEIGHTS", {"weight_infos": [{"role": " r ", "weight": 3.0}]})
    assert len(world.of("s", "RESCIND")) == 1
    assert world.master.state.weights == {"nobody": 3.0, "r": 3.0}
    world.offers("s")
    world.at(1.0)
    assert world.offers("s")


def refused(weights: list[dict[str, Any]]) -> str:
    """Why UPDATE_WEIGHTS is refused; nothing of it is kept."""
    world = World()
    answer = world.operator("UPDATE_WEIGHTS", {"weight_infos": weights})
    assert answer.status == 400
    assert not world.master.state.weights
    return answer.text


def test_wrong_weights_change_nothing() -> None:
    """One bad weight or role among good ones is refused with all of them."""
    good = {"role": "a", "weight": 2.0}
    assert "Weights must be positive" in refused([good, {"role": "b", "weight": 0.0}])
    assert "Invalid weight '-1'" in refused([good, {"role": "b", "weight": -1.0}])
    assert "Role 'b/' cannot end with a slash" in refused([good, {"role": "b/", "weight": 1.0}])


def test_a_role_of_very_many_levels_harms_nobody() -> None:
    """It is refused, and the next scheduler is served; the deepest that is allowed gets offers."""
    world = World()
    world.agent("a1")
    world.subscribe("deep", "/".join("a" * 5000))
    assert "more than 100 levels" in world.of("deep", "ERROR")[0]["error"]["message"]
    world.subscribe("s", "/".join("a" * 100))
    assert world.offers("s")
