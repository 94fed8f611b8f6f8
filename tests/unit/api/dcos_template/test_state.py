"""What the template keeps of a pool when another version of it comes."""

from api.dcos_template.endpoint import Endpoint, Kind
from api.dcos_template.guard import Hold
from api.dcos_template.state import PoolState
from scheduler.pools.model import Revision
from scheduler.pools.stored import StoredPool
from tests.unit.api.dcos_template.pools import backend, pool, service

ONE, TWO = Endpoint(Kind.AGENT_IP, "10.0.0.1", 1), Endpoint(Kind.AGENT_IP, "10.0.0.1", 2)


def test_what_another_selection_chose_is_neither_held_nor_missing() -> None:
    """The servers of a backend that selects something else now are not its servers any more, whatever Mesos names."""
    state = PoolState(stored(1, "a", "b"))
    state.missing = {"first": {ONE}, "second": {TWO}}
    state.hold = Hold(since=1.0, kept={"first": frozenset({ONE}), "second": frozenset({TWO})})
    state.change(stored(2, "a", "c"))
    assert state.missing == {"first": {ONE}}
    assert state.hold == Hold(since=1.0, kept={"first": frozenset({ONE})})
    state.change(stored(3, "d", "c"))
    assert (state.missing, state.hold) == ({}, None)


def stored(version: int, *tasks: str) -> StoredPool:
    """A version whose backends select tasks of these names."""
    backends = (backend(name, service(task_name=task)) for name, task in zip(("first", "second"), tasks, strict=True))
    return StoredPool(pool=pool("web", *backends), revision=Revision("uid", version))
