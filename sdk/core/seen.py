"""The offers that were seen last, each with what became of it: for people who ask why nothing is launched.

A bounded memory of this process. Nothing is decided by it, and nothing of it is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from sdk.core.slice import Slice
from sdk.model.ids import AgentId, OfferId
from sdk.model.operations import Launch, Operation
from sdk.offer.pool import Pool

KEPT = 100
"""Offers that are remembered."""
_NAMED = 5
"""Tasks of one launch that are named."""


class Outcome(StrEnum):
    """What became of an offer."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    UNREADABLE = "unreadable"
    """Declined, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOffer:
    """What one agent offered to one role, and what was said to it."""

    at: float
    """Seconds since the epoch."""
    offer_ids: tuple[OfferId, ...]
    outcome: Outcome
    agent_id: AgentId | None = None
    """None where it could not be read."""
    hostname: str | None = None
    role: str | None = None
    operations: tuple[str, ...] = ()
    """What it was accepted for, a few words each."""
    why: str | None = None
    """Why it could not be read."""


@dataclass(kw_only=True)
class Seen(Slice):
    """See the module."""

    offers: tuple[SeenOffer, ...] = ()
    """The newest first."""

    def remember(
        self,
        pools: Sequence[Pool],
        operations: Mapping[int, Sequence[Operation]],
        unreadable: Mapping[OfferId, str],
        now: float,
    ) -> None:
        """What came together: the pools with what they are used for, by their position, and why others cannot be read.

        When there are many, those of which something became come first.
        """
        odd = (_unreadable(offer_id, why, now) for offer_id, why in islice(unreadable.items(), KEPT))
        used = [position for position, found in operations.items() if found]
        unused = (position for position in range(len(pools)) if not operations.get(position))
        chosen = (*used, *islice(unused, KEPT))[:KEPT]
        new = (*odd, *(_answered(pools[position], operations.get(position, ()), now) for position in chosen))
        self.offers = (*new, *self.offers)[:KEPT]


def _answered(pool: Pool, operations: Sequence[Operation], now: float) -> SeenOffer:
    words = tuple(map(_words, operations))
    return SeenOffer(
        at=now,
        offer_ids=pool.offer_ids,
        outcome=Outcome.ACCEPTED if words else Outcome.DECLINED,
        agent_id=pool.agent_id,
        hostname=pool.hostname,
        role=pool.role,
        operations=words,
    )


def _unreadable(offer_id: OfferId, why: str, now: float) -> SeenOffer:
    return SeenOffer(at=now, offer_ids=(offer_id,), outcome=Outcome.UNREADABLE, why=why)


def _words(operation: Operation) -> str:
    match operation:
        case Launch(tasks=tasks):
            more = f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else ""
            return f"launch {', '.join(task.task_id for task in tasks[:_NAMED])}{more}"
        case _:
            return type(operation).__name__.lower()
