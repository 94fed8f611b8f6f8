"""Claims that are not held, by what has to happen before they are looked at again. Pure."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from api.auto_pools.claim import LabelProblem
from api.auto_pools.claims.app_claim import AppClaim


class Spot(NamedTuple):
    """What claims wait at beside the keys of others."""

    kind: str
    which: Hashable = None


class Obstacle(NamedTuple):
    """Why a claim cannot be held, until something changes at one of these."""

    problem: LabelProblem
    until: tuple[Hashable, ...]


class Waiting:
    """All that wait."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, dict[AppClaim, None]] = {}
        self._until: dict[AppClaim, tuple[Hashable, ...]] = {}

    def put(self, claim: AppClaim, obstacle: Obstacle) -> None:
        """One more."""
        claim.problem = obstacle.problem
        self._until[claim] = obstacle.until
        for what in obstacle.until:
            self._waiting.setdefault(what, {})[claim] = None

    def drop(self, claim: AppClaim) -> None:
        """It waits no more."""
        for what in self._until.pop(claim, ()):
            waiting = self._waiting[what]
            del waiting[claim]
            if not waiting:
                del self._waiting[what]

    def take(self, what: Hashable) -> Sequence[AppClaim]:
        """Something changed there: those who waited for it, and do no more."""
        found = list(self._waiting.get(what, ()))
        for claim in found:
            self.drop(claim)
        return found
