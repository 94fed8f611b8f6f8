"""What Mesos says about the operations of launches: RESERVE, CREATE and their kin carried an id, and have an outcome.

An operation is on the record of its instance from before the ACCEPT until its outcome is known, so a process that takes
over asks about it. That it was carried out confirms the place; that it was not is a fact that the end of the task is
explained with (`sdk.core.status`), and the offers tell what there is (`sdk.core.holdings`). Operations that give
something back are `sdk.core.releasing`'s.
"""

from collections.abc import Iterator
from dataclasses import replace

from sdk.core.effects import AcknowledgeOperation, ReconcileOperations
from sdk.core.frame import Frame
from sdk.core.releasing import learn
from sdk.core.reservation_life import Word
from sdk.core.state import PodKey
from sdk.core.troubles import Kind, Part
from sdk.model.ids import AgentId, OperationId
from sdk.model.records import Holding, OperationKind, OperationRecord, PodRecord
from sdk.model.status import OperationState, OperationStatus
from sdk.plan.need import over

BATCH = 1000
"""Operations in one RECONCILE_OPERATIONS."""
LONGEST = 300
"""Characters of a reason that are kept."""
_OPEN = frozenset({OperationState.PENDING, OperationState.UNREACHABLE, OperationState.RECOVERING})
"""Nothing is decided: the agent tells when it is back, and keeps telling until it is acknowledged."""
_FEEDBACK = ("AGENT_OPERATION_FEEDBACK", "RESOURCE_PROVIDER")
"""Capabilities without which an agent takes no operation with an id; the master's refusal names what is missing."""
_RESIZE = "RESIZE_VOLUME"


def operation_received(frame: Frame, status: OperationStatus) -> None:
    """Carry the update into records and releases; it is acknowledged only when that is stored."""
    key = frame.index.by_operation.get(status.operation_id)
    if key is None:
        _of_release(frame, status)
        _acknowledge(frame, status)
    elif not frame.troubles.unstorable(key[0], frame.now):  # what is not acknowledged Mesos says again
        with frame.apart(key[0], Part(Kind.HEARING, key[1])):
            _of_launch(frame, key, status)
            _acknowledge(frame, status)


def _acknowledge(frame: Frame, status: OperationStatus) -> None:
    if status.uuid is not None:
        frame.call(AcknowledgeOperation(status=status))


def _of_launch(frame: Frame, key: PodKey, status: OperationStatus) -> None:
    if status.state is not OperationState.UNKNOWN:
        frame.calls.proven(status.operation_id)  # "never heard of it" is no proof that the ACCEPT came
    if status.state in _OPEN:
        return
    record = frame.pods[key]
    holding = record.holding
    assert holding is not None
    told = next(each for each in holding.operations if each.operation_id == status.operation_id)
    holding = replace(holding, operations=tuple(each for each in holding.operations if each is not told))
    match status.state:
        case OperationState.FINISHED:
            holding = _done(holding, told.kind)
        case OperationState.UNKNOWN | OperationState.GONE_BY_OPERATOR:
            pass  # what was acknowledged is forgotten; all else the tasks and the offers tell
        case _:
            holding = _failed(frame, record, holding, told, status)
    frame.put(_told(record, holding))


def _told(record: PodRecord, holding: Holding) -> PodRecord:
    """The record with what is known of its place; its launch may have come to nothing before it was said why."""
    why = why_not_done(holding)
    if why is None or not record.failed or not all(over(task) for task in record.tasks):
        return replace(record, holding=holding)
    return replace(record, holding=settled(holding), last_failure=why)


def _done(holding: Holding, kind: OperationKind) -> Holding:
    match kind:
        case OperationKind.RESERVE:
            return replace(holding, confirmed=True)
        case OperationKind.CREATE:
            return replace(holding, volumes=tuple(replace(each, made=True) for each in holding.volumes))
        case _:
            return holding


def _failed(
    frame: Frame, record: PodRecord, holding: Holding, operation: OperationRecord, status: OperationStatus
) -> Holding:
    """The holding with the fact that something was not done."""
    note_incapable(frame, holding.agent_id, status)
    failed = replace(operation, failed=_shown(status))
    holding = replace(holding, operations=(*holding.operations, failed))
    frame.log(
        "warning",
        f"{record.service}/{record.name}: {why_not_done(holding)}",
        service=record.service,
        operation_id=status.operation_id,
    )
    return holding


def _shown(status: OperationStatus) -> str:
    """Mesos' words, which may name all resources of an agent."""
    why = status.message or status.state.value
    return why if len(why) <= LONGEST else f"{why[: LONGEST - 3]}..."


def why_not_done(holding: Holding | None) -> str | None:
    """Why the latest launch has not got what it was to run in, as a sentence; None when nothing is known against it."""
    operations = () if holding is None else holding.operations
    failed = next((each for each in operations if each.failed is not None), None)
    if holding is None or failed is None:
        return None
    return f"{failed.kind} on {holding.hostname} failed: {failed.failed}"


def settled(holding: Holding | None) -> Holding | None:
    """What is left of a place when a launch there has come to nothing: none where nothing was ever reserved."""
    if holding is None or holding.confirmed:
        return holding
    unmade = any(each.kind is OperationKind.RESERVE and each.failed is not None for each in holding.operations)
    return None if unmade else holding


def forgotten(holding: Holding | None) -> Holding | None:
    """A place about which no outcome is waited for any longer."""
    return None if holding is None else replace(holding, operations=())


def _of_release(frame: Frame, status: OperationStatus) -> None:
    resource_id = frame.reservations.operations.get(status.operation_id)
    if status.state is OperationState.FINISHED:
        if resource_id is not None:
            learn(frame, resource_id, Word.FINISHED)
        return
    if status.state in _OPEN or (status.state is OperationState.UNKNOWN and resource_id is None):
        return
    frame.log("warning", f"Operation {status.operation_id}: {status.state} {status.message or ''}".rstrip())
    if resource_id is None:
        return
    incapable = note_incapable(frame, frame.reservations.releases[resource_id].agent_id, status)
    # The offers tell what is left. A stale offer is an ERROR, too; an agent that knows no feedback, and is not named as
    # such, refuses the id itself, each time.
    learn(frame, resource_id, Word.FAILED)
    if status.state is OperationState.ERROR and not incapable:
        frame.reservations.failed(resource_id)


def note_incapable(frame: Frame, agent_id: AgentId, status: OperationStatus) -> bool:
    """Whether the agent, and not what was asked of it, is the reason: what it cannot do is not asked of it again."""
    why = status.message or ""
    refused = status.state is OperationState.ERROR
    mute = status.state is OperationState.UNSUPPORTED or (refused and any(name in why for name in _FEEDBACK))
    if mute:
        frame.agents.mute = frame.agents.mute.set(agent_id, None)
        frame.log("info", f"Agent {agent_id} tells no outcome of operations: they carry no id there", agent_id=agent_id)
    rigid = refused and _RESIZE in why
    if rigid:
        frame.agents.rigid = frame.agents.rigid.set(agent_id, None)
        frame.log("info", f"Agent {agent_id} cannot change the size of volumes", agent_id=agent_id)
    return mute or rigid


def ask(frame: Frame) -> None:
    """RECONCILE_OPERATIONS about all whose outcome is not known."""
    asked = sorted(_unknown(frame))
    for start in range(0, len(asked), BATCH):
        frame.call(ReconcileOperations(operations=tuple(asked[start : start + BATCH])))


def _unknown(frame: Frame) -> Iterator[tuple[OperationId, AgentId]]:
    for key in set(frame.index.by_operation.values()):
        holding = frame.pods[key].holding
        if holding is not None:
            open_ones = (each for each in holding.operations if each.failed is None)
            yield from ((each.operation_id, holding.agent_id) for each in open_ones)
