"""Refusals: found by agent and framework, ended by time, REVIVE and the end of either side."""

from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core.filters import Filter, Filters
from sdk.local.core.resources import Resources
from sdk.local.flags import resources

ONE = Resources.of(resources("cpus:1"))
NAMES = st.sampled_from(["1", "2", "3"])
STEPS = st.one_of(
    st.tuples(st.just("add"), NAMES, NAMES, NAMES, st.integers(1, 20)),
    st.tuples(st.just("expire"), st.integers(0, 5)),
    st.tuples(st.just("roles"), NAMES, st.sets(NAMES)),
    st.tuples(st.just("framework"), NAMES),
    st.tuples(st.just("agent"), NAMES),
)


@given(st.lists(STEPS, max_size=40))
def test_they_are_what_a_plain_list_would_be(steps: list[tuple[str, ...]]) -> None:
    """After any steps the same refusals hold, and the next end is known."""
    filters, plain, now = Filters(), list[Filter](), 0.0
    for step in steps:
        match step:
            case ("add", framework, agent, role, int(seconds)):
                item = Filter(framework_id=framework, agent_id=agent, role=role, refused=ONE, until=now + seconds)
                filters.add(item)
                plain.append(item)
            case ("expire", int(seconds)):
                now += seconds
                filters.expire(now)
                plain = [item for item in plain if item.until > now]
            case ("roles", framework, roles):
                filters.drop_roles(framework, roles)
                plain = [item for item in plain if item.framework_id != framework or item.role not in roles]
            case ("framework", framework):
                filters.drop_framework(framework)
                plain = [item for item in plain if item.framework_id != framework]
            case ("agent", agent):
                filters.drop_agent(agent)
                plain = [item for item in plain if item.agent_id != agent]
        assert len(filters) == len(plain)
        assert filters.next() == min((item.until for item in plain), default=None)
        for agent in ("1", "2", "3"):
            found = [item for items in filters.on(agent).values() for item in items]
            assert sorted(map(id, found)) == sorted(id(item) for item in plain if item.agent_id == agent)


def test_what_is_dropped_does_not_pile_up() -> None:
    """Refusing for a year and reviving, ten thousand times, keeps no more than a few."""
    filters = Filters()
    for _ in range(10_000):
        filters.add(Filter(framework_id="f", agent_id="a", role="r", refused=ONE, until=3e7))
        filters.drop_roles("f", {"r"})
    assert len(filters) == 0
    assert filters.next() is None
    assert not filters.on("a")


def test_a_refusal_covers_no_more_than_was_refused() -> None:
    """Less or the same is refused in that role; more, or another role, is not."""
    item = Filter(framework_id="f", agent_id="a", role="r", refused=ONE, until=1.0)
    assert item.covers("r", ONE)
    assert item.covers("r", Resources.of(resources("cpus:0.5")))
    assert not item.covers("r", Resources.of(resources("cpus:2")))
    assert not item.covers("x", ONE)


def test_what_was_refused_is_known_again_without_what_is_kept_of_it() -> None:
    """A refusal covers the same resources each time it is asked, an equal sum as well, and not more."""
    item = Filter(framework_id="f", agent_id="a", role="r", refused=ONE.plain(), until=1.0)
    again = Resources.of(resources("cpus:1;mem:0")) + Resources()
    for _ in range(2):
        assert item.covers("r", ONE)
        assert item.covers("r", again)
        assert not item.covers("other", ONE)
        assert not item.covers("r", ONE + ONE)
    assert item.known is not ONE
