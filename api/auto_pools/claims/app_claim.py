"""A claim as one application makes it, and how it stands with it. Pure."""

from dataclasses import dataclass
from typing import Any

from api.auto_pools.claim import App, Claim, LabelProblem
from api.auto_pools.claims.amount import Amount
from api.auto_pools.claims.demand import Demand


@dataclass(slots=True, eq=False, kw_only=True)
class AppClaim:
    """All tasks of an application that say the same make one claim, whatever else they say."""

    app: App
    role: str
    """For which Mesos gave resources to the tasks; policy may go by it."""
    claim: Claim
    demands: tuple[Demand, ...]
    digest: str
    amount: Amount
    before: int = 0
    """Its `rank` in the ledger of the process before; 0: it is not known from there."""
    since: tuple[float, App, float] = (0.0, App("", ""), 0.0)
    """Who is first of those that nobody has a right to yet: the application, then the task that said it first."""
    label_sets: int = 0
    """How many sets of labels of tasks say it; it is gone with the last one."""
    rank: int = 0
    """Counts up with each claim that is held; 0 while it is not. Whoever is held gives way to nobody."""
    forbidden: LabelProblem | None = None
    """Why it can never be, whoever else is there."""
    problem: LabelProblem | None = None
    """Why it is not held now."""

    @property
    def port(self) -> int:
        return self.claim.port

    @property
    def group(self) -> str:
        return self.claim.group

    @property
    def turn(self) -> tuple[Any, ...]:
        """Claims get what they ask for in this order: first all that were held before."""
        if self.before:
            return (0, self.before)
        return (1, *self.since, self.claim.group, self.claim.port, self.digest, self.role)
