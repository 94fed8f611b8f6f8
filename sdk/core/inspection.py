"""What the scheduler has in its hands, for people who look for a fault: reservations, calls under way, quarantine.

Frozen values made from a state when somebody asks. What is wanted, and how far that is, is in `sdk.core.view`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sdk.core.releasing import stage_of
from sdk.core.reservation_life import Stage
from sdk.core.seen import SeenOffer
from sdk.core.state import State
from sdk.model.ids import AgentId, ResourceId, TaskId
from sdk.model.resources import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """An offer, and why those who still wait did not fit it, or one of its agent after it."""

    offer: SeenOffer
    refusals: tuple[tuple[str, tuple[str, ...]], ...]
    """Sentences by instance (`<service>/<pod>-<index>`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationView:
    """A reservation with our labels, as far as is known."""

    resource_id: ResourceId
    stage: Stage
    instance: str | None = None
    """`<service>/<pod>-<index>`; None when nobody holds it any more."""
    agent_id: AgentId | None = None
    hostname: str | None = None
    role: str | None = None
    resources: tuple[Resource, ...] = ()
    """Empty where they are not on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A call that was made, or will be, until Mesos has said something about it."""

    call: str
    about: str
    """Id of a task, an offer or a reservation."""
    instance: str | None
    due: float
    """When it is made again, or given up (ACCEPT, UNRESERVE): seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultView:
    """A part of the work that fails."""

    service: str
    """Empty for what concerns no service."""
    part: str
    why: str
    since: float
    """Seconds since the epoch."""
    until: float
    """When it is tried again."""


def offers(state: State) -> tuple[OfferView, ...]:
    """The last offers, the newest first."""
    by_agent: dict[AgentId, list[tuple[str, tuple[str, ...]]]] = {}
    for key, refusals in sorted(state.work.refusals.items()):
        for agent_id, reasons in refusals.items():
            if reasons:
                by_agent.setdefault(agent_id, []).append((f"{key[0]}/{key[1]}", reasons))
    return tuple(
        OfferView(offer=offer, refusals=() if offer.agent_id is None else tuple(by_agent.get(offer.agent_id, ())))
        for offer in state.seen.offers
    )


def reservations(state: State) -> tuple[ReservationView, ...]:
    """All of ours, by their ids."""
    found: dict[ResourceId, ReservationView] = {}
    for view in _of_records(state):
        found.setdefault(view.resource_id, view)
    for resource_id in state.reservations.releases:
        if resource_id not in found:
            found[resource_id] = ReservationView(resource_id=resource_id, stage=stage_of(state, resource_id))
    return tuple(found[resource_id] for resource_id in sorted(found))


def left_behind(state: State) -> tuple[tuple[str, str], ...]:
    """Tasks and reservations that are waited for no more, by id, with the sentence that says where each is."""
    return tuple(sorted(state.removal.notes.items()))


def _of_records(state: State) -> Iterator[ReservationView]:
    for key, record in state.pods.items():
        name, holding = f"{key[0]}/{key[1]}", record.holding
        if holding is not None and holding.resource_id is not None:
            yield ReservationView(
                resource_id=holding.resource_id,
                stage=stage_of(state, holding.resource_id),
                instance=name,
                agent_id=holding.agent_id,
                hostname=holding.hostname,
                role=holding.role,
                resources=holding.resources,
            )
        for left in record.superseded:
            if left.resource_id is not None:
                yield ReservationView(
                    resource_id=left.resource_id,
                    stage=stage_of(state, left.resource_id),
                    instance=name,
                    agent_id=left.agent_id,
                    hostname=left.hostname,
                    role=left.role,
                )


def calls(state: State) -> tuple[CallView, ...]:
    """Those under way, the next due first."""
    under_way = state.calls
    found = [
        *(_call("KILL", state, task_id, killing.retry.due) for task_id, killing in under_way.kills.items()),
        *(_call("RECONCILE", state, task_id, retry.due) for task_id, retry in under_way.reconciles.items()),
        *(
            _call("ACCEPT" if accept.tasks or accept.resources else "DECLINE", state, first, due)
            for first, accept in under_way.accepts.items()
            if (due := under_way.accepts_due.get(first)) is not None
        ),
        *(
            _call("UNRESERVE", state, resource_id, due)
            for resource_id in state.reservations.releases
            if (due := state.reservations.releases_due.get(resource_id)) is not None
        ),
    ]
    return tuple(sorted(found, key=lambda call: (call.due, call.call, call.about)))


def _call(call: str, state: State, about: str, due: float) -> CallView:
    key = state.index.by_task.get(TaskId(about)) or state.index.by_resource.get(ResourceId(about))
    return CallView(call=call, about=about, instance=None if key is None else f"{key[0]}/{key[1]}", due=due)


def faults(state: State) -> tuple[FaultView, ...]:
    """What fails, by service and part of the work."""
    return tuple(
        FaultView(service=service, part=str(part), why=fault.sentence, since=fault.since, until=fault.retry.due)
        for service, parts in sorted(state.troubles.faults.items())
        for part, fault in sorted(parts.items())
    )
