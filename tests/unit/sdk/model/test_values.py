"""Changed copies of frozen values."""

import dataclasses

import pytest

from sdk.core.state import State
from sdk.model.ids import AgentId, TaskId
from sdk.model.records import Holding, PodRecord, Superseded, TaskRecord
from sdk.model.resources import Resource
from sdk.model.status import TaskState, TaskStatus
from sdk.model.values import replace

STATUS = TaskStatus(task_id=TaskId("t"), state=TaskState.RUNNING)
HOLDING = Holding(agent_id=AgentId("a"), hostname="h", role="r", resources=(Resource(name="cpus", scalar=1),))
LEFT = Superseded(task_id=TaskId("u"), agent_id=AgentId("a"), since=1.0)
RECORD = PodRecord(service="s", pod="p", index=0, holding=HOLDING, superseded=(LEFT,))


@pytest.mark.parametrize("value", [STATUS, HOLDING, RECORD])
def test_a_copy_is_what_dataclasses_would_make(value: object) -> None:
    """Field by field, and the value itself stays as it is."""
    before = dataclasses.replace(value)  # type: ignore[type-var]
    for field in dataclasses.fields(value):  # type: ignore[arg-type]
        changes = {field.name: "changed"}
        assert replace(value, **changes) == dataclasses.replace(value, **changes)  # type: ignore[type-var]
    assert replace(value) == value == before  # type: ignore[type-var]


def test_a_copy_is_as_frozen_as_the_value() -> None:
    """Nobody changes a value."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(RECORD, index=1).index = 2  # type: ignore[misc]


def test_a_field_that_there_is_not_is_a_mistake() -> None:
    """As it is for `dataclasses.replace`."""
    with pytest.raises(TypeError, match="PodRecord has no field 'indx'"):
        replace(RECORD, indx=1)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [State, int])
def test_what_is_no_dataclass_with_slots_is_refused(kind: type) -> None:
    """Copying its slots would lose the rest."""
    with pytest.raises(TypeError):
        replace(object.__new__(kind))


def test_the_record_of_a_task_is_such_a_class() -> None:
    """The one that is changed most."""
    task = TaskRecord(
        name="server",
        task_id=TaskId("t"),
        agent_id=AgentId("a"),
        hostname="h",
        config="c",  # type: ignore[arg-type]
        status=STATUS,
        launched_at=0.0,
        changed_at=0.0,
    )
    assert replace(task, confirmed=True) == dataclasses.replace(task, confirmed=True)
