"""What the template keeps of a pool when another version of it comes."""

from api.dcos_template.guard import Hold
from api.dcos_template.selecting.endpoint import Endpoint, Kind
from api.dcos_template.selecting.touched import Spot
from api.dcos_template.state import TRANSITIONS, Event, Phase, PoolState
from scheduler.pools.model import Revision
from scheduler.pools.stored.record import StoredPool
from tests.unit.api.dcos_template.pools import backend, pool, service

ONE, TWO = Endpoint(Kind.AGENT_IP, "10.0.0.1", 1), Endpoint(Kind.AGENT_IP, "10.0.0.1", 2)


def test_what_another_selection_chose_is_neither_held_nor_missing() -> None:
    """The servers of a backend that selects something else now are not its servers any more, whatever Mesos names."""
    state = PoolState(stored(1, "a", "b"))
    first, second = Spot("first", ONE.name), Spot("second", TWO.name)
    state.missing = {first: ONE, second: TWO}
    state.hold = Hold(since=1.0, kept={first: ONE, second: TWO})
    state.change(stored(2, "a", "c"))
    assert state.missing == {first: ONE}
    assert state.hold == Hold(since=1.0, kept={first: ONE})
    assert state.pending == {second}
    state.change(stored(3, "d", "c"))
    assert (state.missing, state.hold) == ({}, None)


def stored(version: int, *tasks: str) -> StoredPool:
    """A version whose backends select tasks of these names."""
    backends = (backend(name, service(task_name=task)) for name, task in zip(("first", "second"), tasks, strict=True))
    return StoredPool(pool=pool("web", *backends), revision=Revision("uid", version))


def test_a_doubt_has_everything_read_again_in_every_phase() -> None:
    """However far the pool has come."""
    for phase in Phase:
        assert TRANSITIONS[phase, Event.DOUBTED] is Phase.UNKNOWN
    state = PoolState(stored(1, "a", "b"))
    state.happens(Event.LOAD)
    state.loading = state.loading.publishing(1.0)
    assert state.loading.due is None
    state.happens(Event.DOUBTED)
    assert state.loading.due is not None


def test_another_version_is_not_refused_before_it_was_rendered() -> None:
    """The reason of before was said of the version before."""
    state = PoolState(stored(1, "a", "b"))
    state.refused = "needs too many files"
    state.change(stored(2, "a", "b"))
    assert not state.refused
