"""A pool that is made of the objects of one that breaks no rule."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools.checks import pool_problems
from scheduler.pools.model import (
    Backend,
    Frontend,
    Haproxy,
    LinkBackend,
    MapRule,
    MesosSelector,
    Pool,
    Protocol,
    Retries,
    Service,
)

BACKENDS = tuple(Backend(name=name, services=(Service(mesos=MesosSelector(task_name=name)),)) for name in "abc")
RULES = tuple(MapRule(backend=name, host_eq=f"{name}.test") for name in "abc")


def web(rules: tuple[MapRule, ...] = RULES, protocol: Protocol = Protocol.HTTP, port: int = 80) -> Frontend:
    return Frontend(name=f"f{port}", bind_port=port, protocol=protocol, link_backend=LinkBackend(map=rules))


def pool_of(frontends: tuple[Frontend, ...], backends: tuple[Backend, ...]) -> Pool:
    return Pool(name="web", haproxy=Haproxy(frontends=frontends, backends=backends))


SOUND = pool_of((web(), web(port=81)), BACKENDS)

backends = st.sampled_from(
    [
        *BACKENDS,
        replace(BACKENDS[0], protocol=Protocol.TCP),
        replace(BACKENDS[0], retries=Retries(count=9)),
        replace(BACKENDS[1], services=()),
        replace(BACKENDS[1], protocol=Protocol.TCP, balance="uri"),
        Backend(name="d", services=BACKENDS[0].services),
    ]
)
rules = st.sampled_from([*RULES, MapRule(backend="d", path_beg="/"), MapRule(backend="a"), MapRule(backend="no")])
frontends = st.one_of(
    st.sampled_from(SOUND.haproxy.frontends),
    st.builds(
        web,
        st.lists(rules, max_size=4).map(tuple),
        st.sampled_from([Protocol.HTTP, Protocol.TCP]),
        st.sampled_from([80, 81]),
    ),
)


def test_the_pool_itself_breaks_none() -> None:
    """Else what is said of others would be worth nothing."""
    assert list(pool_problems(SOUND)) == []
    assert list(pool_problems(SOUND, SOUND)) == []


@given(st.lists(frontends, max_size=3).map(tuple), st.lists(backends, max_size=5).map(tuple))
def test_the_same_is_told_as_if_nothing_was_known(front: tuple[Frontend, ...], back: tuple[Backend, ...]) -> None:
    """Whatever is new in it, gone, or stands in another place."""
    pool = pool_of(front, back)
    assert list(pool_problems(pool, SOUND)) == list(pool_problems(pool))
