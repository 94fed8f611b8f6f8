"""Pools on their way to a process that judges."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.validation.contents import Contents
from scheduler.pools.model import Pool
from tests.support.any_pool import valid_pools
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service


def of(*backends: str, name: str = "web") -> Pool:
    return pool(name, frontend("web", "a"), *(backend(one, service(task_name=one)) for one in backends))


@given(st.lists(valid_pools(), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_pool_arrives_as_it_is(pools: list[Pool]) -> None:
    """Whatever came before it, under the same name or another one."""
    here, there = Contents(), Contents()
    for one in [*pools, *pools]:
        assert there.pool(here.of(one).text) == one


def test_what_did_not_change_is_the_same_on_both_sides() -> None:
    """It costs nothing more."""
    here, there = Contents(), Contents()
    first = of("a", "b", "c")
    changed = of("a", "x", "c")
    before = here.of(first), there.pool(here.of(first).text)
    kept = pool("web", changed.haproxy.frontends[0], *first.haproxy.backends[:2], changed.haproxy.backends[1])
    after = here.of(kept), there.pool(here.of(kept).text)
    for number in (0, 1):
        now, then = (one[0].value["haproxy"]["backends"][number] for one in (after, before))
        assert now is then
        assert after[1].haproxy.backends[number] is before[1].haproxy.backends[number]
    assert after[1] == kept


def test_the_oldest_are_forgotten() -> None:
    """However many pools there are, and however large one is."""
    pools = [of("a", name=f"p{number}") for number in range(3)]
    here = Contents(most=2 * len(Contents().of(pools[0]).text))
    made = [here.of(one) for one in pools]
    # The one asked about last comes first: whatever is asked about pushes another one out.
    again = [here.of(one) for one in reversed(pools)][::-1]
    assert [one.text for one in again] == [one.text for one in made]
    same = [now.value["haproxy"] is then.value["haproxy"] for now, then in zip(again, made, strict=True)]
    assert same == [False, True, True]
    large = of(*(f"b{number}" for number in range(50)), name="p0")
    assert here.of(large).text == Contents().of(large).text
    assert here.of(pools[1]).text == made[1].text
