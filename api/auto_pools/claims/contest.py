"""Which claims are held, and what the others wait for. Pure.

Whoever holds something keeps it until he lets go: no claim leaves the pool because another one came, is older, or asks
for more. What is free goes to those who wait, the oldest first. A claim is held as a whole or not at all. The order in
which claims came between two calls of `settle` does not matter.
"""

import heapq
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from api.auto_pools.claims import conflicts
from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.bringing import kept_from
from api.auto_pools.claims.demand import CERTIFICATES, BackendKey, CertificateKey, Demand, FrontendKey, Route, RuleKey
from api.auto_pools.claims.holders import Holders
from api.auto_pools.claims.judging import Judge
from api.auto_pools.claims.map_lines import is_tried
from api.auto_pools.claims.owners import family_of
from api.auto_pools.claims.policy import Join, Policy
from api.auto_pools.claims.redirected import taken_from
from api.auto_pools.claims.room import Room
from api.auto_pools.claims.waiting import Obstacle, Spot, Waiting
from api.auto_pools.claims.weights import Weights


class Change(NamedTuple):
    """A claim that is held now, or no more, with what nobody said before, or says now."""

    claim: AppClaim
    taken: bool
    demands: Sequence[Demand]


class Contest:
    """Of all claims of one pool."""

    def __init__(self, judge: Judge, policy: Policy) -> None:
        self.holders = Holders()
        self._judge = judge
        self._policy = policy
        self._last_rank = 0
        self._pending: set[AppClaim] = set()
        self._queue: list[tuple[tuple[Any, ...], int, AppClaim]] = []
        self._waiting = Waiting()
        self._room = Room(policy.limits)
        self._weights = Weights()
        self._doubtful: dict[Spot, None] = {}
        self._changes: list[Change] = []

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
        self._waiting.drop(claim)
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
            self._waiting.put(claim, obstacle)
            return
        claim.problem = None
        claim.rank = claim.before if claim.before > self._last_rank else self._last_rank + 1
        claim.before, self._last_rank = 0, claim.rank
        new = self.holders.take(claim)
        self._weights.add(new)
        self._changes.append(Change(claim, True, new))
        if any(isinstance(demand.key, FrontendKey | CertificateKey) for demand in new):
            self._wake(Spot("options of port", claim.port))
        if any(isinstance(demand.key, BackendKey) for demand in new):
            self._wake(Spot("options of group", claim.group))

    def _obstacle(self, claim: AppClaim) -> Obstacle | None:
        conflict = self.holders.conflict(claim)
        if conflict is not None:
            return Obstacle(conflicts.lost(claim, conflict), (conflict.key,))
        return (
            self._not_first(claim)
            or self._shown_to_nobody(claim)
            or self._may_not_join(claim)
            or self._redirects_others(claim)
            or self._takes_hosts(claim)
            or self._overtakes(claim)
            or self._breaks_rules(claim)
            or self._room.take(claim, self.holders)  # the last one: without an obstacle it is held
        )

    def _not_first(self, claim: AppClaim) -> Obstacle | None:
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
                return Obstacle(problem, (Spot("apps at port", claim.port),))
        return None

    def _shown_to_nobody(self, claim: AppClaim) -> Obstacle | None:
        keeper = kept_from(claim, self.holders)
        if keeper is None:
            return None
        return Obstacle(conflicts.shown_to_nobody(claim, keeper.app), (Spot("options of port", claim.port),))

    def _may_not_join(self, claim: AppClaim) -> Obstacle | None:
        join = self._policy.rule(claim.app, claim.role).join
        group, own = self.holders.in_group(claim.group), family_of(claim.app)
        if join is Join.ANY or (join is Join.GROUP and group.families.keys() <= {own}):
            return None
        for other in group.others(claim.app):
            if join is Join.NONE or family_of(other) != own:
                return Obstacle(conflicts.may_not_join(claim, other), (Spot("apps of group", claim.group),))
        return None

    def _redirects_others(self, claim: AppClaim) -> Obstacle | None:
        for key, other in taken_from(claim, self.holders):
            return Obstacle(conflicts.redirects(claim, key.conditions, other.app), (key,))
        return None

    def _takes_hosts(self, claim: AppClaim) -> Obstacle | None:
        """A pattern, or a header that everybody sends, may well meet all requests for a host: those for a host that
        somebody else has for himself are not to be had so, but within his own framework and Marathon group.
        """
        for demand in claim.demands:
            key = demand.key
            if not (isinstance(key, RuleKey) and key.conditions.host and is_tried(key)):
                continue
            for held in self.holders.hosts.whole(key):
                route = self.holders.value(held)
                if isinstance(route, Route) and route.group == claim.group:
                    continue
                for other in self.holders.of(held):
                    if family_of(other.app) != family_of(claim.app):
                        return Obstacle(conflicts.takes_host(demand, held, other.app), (held,))
        return None

    def _overtakes(self, claim: AppClaim) -> Obstacle | None:
        """By its weight, within a framework and Marathon group only; and what comes behind another one is of no use."""
        for demand, held, is_taken in self._weights.overtaking(claim, self.holders):
            for other in self.holders.of(held):
                if not is_taken:
                    return Obstacle(conflicts.behind(demand, held, other.app), (held,))
                if family_of(other.app) != family_of(claim.app):
                    return Obstacle(conflicts.overtakes(demand, held, other.app), (held,))
        return None

    def _breaks_rules(self, claim: AppClaim) -> Obstacle | None:
        port, group = self.holders.at_port(claim.port), self.holders.in_group(claim.group)
        problem = self._judge.problem(claim, port, group)
        if problem is None:
            return None
        return Obstacle(problem, (Spot("options of port", claim.port), Spot("options of group", claim.group)))

    def _release(self, claim: AppClaim) -> None:
        claim.rank = 0
        free = self.holders.release(claim)
        self._weights.remove(free)
        spots = self._room.release(claim, free)
        self._changes.append(Change(claim, False, free))
        port, group = self.holders.at_port(claim.port), self.holders.in_group(claim.group)
        for demand in free:
            self._wake(demand.key)
        if any(isinstance(demand.key, FrontendKey | CertificateKey) for demand in free):
            self._doubt(Spot("options of port", claim.port))
        if any(isinstance(demand.key, BackendKey) for demand in free):
            self._doubt(Spot("options of group", claim.group))
        if len(port.apps) <= 1:
            self._wake(Spot("apps at port", claim.port))
        if claim.app not in group.apps:
            self._wake(Spot("apps of group", claim.group))
        for spot in spots:
            self._wake(spot)

    def _doubt(self, spot: Spot) -> None:
        self._wake(spot)
        self._doubtful[spot] = None

    def _look_into_doubtful(self) -> None:
        """What was held together with an option may not go without it."""
        while self._doubtful:
            spot = min(self._doubtful, key=str)
            del self._doubtful[spot]
            match spot:
                case Spot("options of port", int(port)):
                    claims = self.holders.at_port(port).claims
                case Spot("options of group", str(group)):
                    claims = self.holders.in_group(group).claims
                case _:
                    continue
            for claim in list(claims):
                obstacle = self._breaks_rules(claim)
                if obstacle is not None:
                    self._release(claim)
                    self._waiting.put(claim, obstacle)

    def _enqueue(self, claim: AppClaim) -> None:
        heapq.heappush(self._queue, (claim.turn, id(claim), claim))

    def _wake(self, what: Hashable) -> None:
        for claim in self._waiting.take(what):
            self._pending.add(claim)
            self._enqueue(claim)
