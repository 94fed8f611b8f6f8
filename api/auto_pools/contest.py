"""Which claims are held, and what the others wait for. Pure.

Whoever holds something keeps it until he lets go: no claim leaves the pool because another one came, is older, or asks
for more. What is free goes to those who wait, the oldest first. A claim is held as a whole or not at all. The order in
which claims came between two calls of `settle` does not matter.
"""

import heapq
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from api.auto_pools import conflicts
from api.auto_pools.app_claim import AppClaim
from api.auto_pools.claim import App, LabelProblem
from api.auto_pools.demand import CERTIFICATES, BackendKey, CertificateKey, Demand, FrontendKey
from api.auto_pools.holders import Holders
from api.auto_pools.judging import Judge
from api.auto_pools.policy import Join, Policy
from api.auto_pools.redirected import taken_from


class Change(NamedTuple):
    """A claim that is held now, or no more, with what nobody said before, or says now."""

    claim: AppClaim
    taken: bool
    demands: Sequence[Demand]


class _Spot(NamedTuple):
    """What claims wait at beside the keys of others."""

    kind: str
    which: Hashable = None


class _Obstacle(NamedTuple):
    problem: LabelProblem
    until: tuple[Hashable, ...]
    """Something happens at one of these."""


class Contest:
    """Of all claims of one pool."""

    def __init__(self, judge: Judge, policy: Policy) -> None:
        self.holders = Holders()
        self._judge = judge
        self._policy = policy
        self._last_rank = 0
        self._pending: set[AppClaim] = set()
        self._queue: list[tuple[tuple[Any, ...], int, AppClaim]] = []
        self._waiting: dict[Hashable, dict[AppClaim, None]] = {}
        self._until: dict[AppClaim, tuple[Hashable, ...]] = {}
        self._doubtful: dict[_Spot, None] = {}
        self._changes: list[Change] = []
        self._claims_of: Counter[App] = Counter()
        self._rules_of: Counter[App] = Counter()
        self._certificates_of: Counter[App] = Counter()
        self._rules = 0

    @property
    def unsettled(self) -> bool:
        """Whether something came or went since it was settled."""
        return bool(self._pending or self._changes)

    def enter(self, claim: AppClaim) -> None:
        """An application claims something."""
        self._pending.add(claim)

    def leave(self, claim: AppClaim) -> None:
        """It does no more."""
        self._pending.discard(claim)
        self._wait_no_more(claim)
        if claim.rank:
            self._release(claim)

    def settle(self) -> Sequence[Change]:
        """Decide about all that came, and all that waited for what was let go; the answer is what happened since."""
        self._look_into_doubtful()
        for claim in self._pending:
            self._enqueue(claim)
        while self._queue:
            claim = heapq.heappop(self._queue)[2]
            if claim in self._pending:
                self._pending.remove(claim)
                self._decide(claim)
        changes, self._changes = self._changes, []
        return changes

    def _decide(self, claim: AppClaim) -> None:
        obstacle = self._obstacle(claim)
        if obstacle is not None:
            self._wait(claim, obstacle)
            return
        claim.problem = None
        claim.rank = claim.before if claim.before > self._last_rank else self._last_rank + 1
        claim.before, self._last_rank = 0, claim.rank
        new = self.holders.take(claim)
        self._count(claim, 1)
        self._changes.append(Change(claim, True, new))
        if any(isinstance(demand.key, FrontendKey | CertificateKey) for demand in new):
            self._wake(_Spot("options of port", claim.port))
        if any(isinstance(demand.key, BackendKey) for demand in new):
            self._wake(_Spot("options of group", claim.group))

    def _obstacle(self, claim: AppClaim) -> _Obstacle | None:
        conflict = self.holders.conflict(claim)
        if conflict is not None:
            return _Obstacle(conflicts.lost(claim, conflict), (conflict.key,))
        return (
            self._beyond_limits(claim)
            or self._not_first(claim)
            or self._may_not_join(claim)
            or self._redirects_others(claim)
            or self._breaks_rules(claim)
        )

    def _not_first(self, claim: AppClaim) -> _Obstacle | None:
        port = self.holders.at_port(claim.port)
        other = next(port.others(claim.app), None)
        if other is None:
            return None
        for demand in claim.demands:
            match demand.key:
                case FrontendKey(_, field):
                    added = field not in port.options
                case CertificateKey():
                    field, added = CERTIFICATES, self.holders.value(demand.key) is None
                case _:
                    continue
            if added and field not in self._policy.may_add:
                problem = conflicts.not_first(demand, field, claim.port, other)
                return _Obstacle(problem, (_Spot("apps at port", claim.port),))
        return None

    def _may_not_join(self, claim: AppClaim) -> _Obstacle | None:
        join = self._policy.rule(claim.app, claim.role).join if self._policy.rules else Join.ANY
        if join is Join.ANY:
            return None
        for other in self.holders.in_group(claim.group).others(claim.app):
            if join is Join.NONE or _family(other) != _family(claim.app):
                return _Obstacle(conflicts.may_not_join(claim, other), (_Spot("apps of group", claim.group),))
        return None

    def _redirects_others(self, claim: AppClaim) -> _Obstacle | None:
        for key, other in taken_from(claim, self.holders):
            return _Obstacle(conflicts.redirects(claim, key.conditions, other.app), (key,))
        return None

    def _beyond_limits(self, claim: AppClaim) -> _Obstacle | None:
        limits, app = self._policy.limits, claim.app
        of_app = (_Spot("app", app),)
        if self._claims_of[app] + 1 > limits.claims:
            return _Obstacle(conflicts.too_many(claim, "claims of one application", limits.claims), of_app)
        if self._rules_of[app] + claim.rules > limits.rules:
            return _Obstacle(conflicts.too_many(claim, "rules of one application", limits.rules), of_app)
        if self._certificates_of[app] + claim.certificates > limits.certificates:
            what = "certificates of one application"
            return _Obstacle(conflicts.too_many(claim, what, limits.certificates), of_app)
        if self._rules + claim.rules > limits.all_rules:
            what = "rules of all applications"
            return _Obstacle(conflicts.too_many(claim, what, limits.all_rules), (_Spot("rules"),))
        return None

    def _breaks_rules(self, claim: AppClaim) -> _Obstacle | None:
        port, group = self.holders.at_port(claim.port), self.holders.in_group(claim.group)
        problem = self._judge.problem(claim, port, group)
        if problem is None:
            return None
        return _Obstacle(problem, (_Spot("options of port", claim.port), _Spot("options of group", claim.group)))

    def _release(self, claim: AppClaim) -> None:
        claim.rank = 0
        free = self.holders.release(claim)
        self._count(claim, -1)
        self._changes.append(Change(claim, False, free))
        port, group = self.holders.at_port(claim.port), self.holders.in_group(claim.group)
        for demand in free:
            self._wake(demand.key)
        if any(isinstance(demand.key, FrontendKey | CertificateKey) for demand in free):
            self._doubt(_Spot("options of port", claim.port))
        if any(isinstance(demand.key, BackendKey) for demand in free):
            self._doubt(_Spot("options of group", claim.group))
        if len(port.apps) <= 1:
            self._wake(_Spot("apps at port", claim.port))
        if claim.app not in group.apps:
            self._wake(_Spot("apps of group", claim.group))
        self._wake(_Spot("app", claim.app))
        self._wake(_Spot("rules"))

    def _doubt(self, spot: _Spot) -> None:
        self._wake(spot)
        self._doubtful[spot] = None

    def _look_into_doubtful(self) -> None:
        """What was held together with an option may not go without it."""
        while self._doubtful:
            spot = min(self._doubtful, key=str)
            del self._doubtful[spot]
            match spot:
                case _Spot("options of port", int(port)):
                    claims = self.holders.at_port(port).claims
                case _Spot("options of group", str(group)):
                    claims = self.holders.in_group(group).claims
                case _:
                    continue
            for claim in list(claims):
                obstacle = self._breaks_rules(claim)
                if obstacle is not None:
                    self._release(claim)
                    self._wait(claim, obstacle)

    def _count(self, claim: AppClaim, by: int) -> None:
        rules, certificates = claim.rules * by, claim.certificates * by
        self._rules += rules
        for counter, more in ((self._claims_of, by), (self._rules_of, rules), (self._certificates_of, certificates)):
            counter[claim.app] += more
            if not counter[claim.app]:
                del counter[claim.app]

    def _enqueue(self, claim: AppClaim) -> None:
        heapq.heappush(self._queue, (claim.turn, id(claim), claim))

    def _wait(self, claim: AppClaim, obstacle: _Obstacle) -> None:
        claim.problem = obstacle.problem
        self._until[claim] = obstacle.until
        for what in obstacle.until:
            self._waiting.setdefault(what, {})[claim] = None

    def _wait_no_more(self, claim: AppClaim) -> None:
        for what in self._until.pop(claim, ()):
            waiting = self._waiting[what]
            del waiting[claim]
            if not waiting:
                del self._waiting[what]

    def _wake(self, what: Hashable) -> None:
        for claim in list(self._waiting.get(what, ())):
            self._wait_no_more(claim)
            self._pending.add(claim)
            self._enqueue(claim)


def _family(app: App) -> tuple[str, str]:
    """The framework and the group within it."""
    return app.framework, app.name.rpartition("/")[0] if app.marathon else ""
