"""How much more may be claimed, by one application and by all, and at each port. Pure."""

from collections import Counter

from api.auto_pools.claim import App
from api.auto_pools.claims import conflicts
from api.auto_pools.claims.amount import NOTHING, Amount
from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import Demand, RuleKey
from api.auto_pools.claims.holders import Holders
from api.auto_pools.claims.map_lines import MapLines
from api.auto_pools.claims.owners import Owner, leaves_enough, owners_of
from api.auto_pools.claims.policy import Limits
from api.auto_pools.claims.waiting import Obstacle, Spot
from api.dcos_template.rendering.routes import MOST_LINES
from scheduler.pools.stored.record import MAX_BYTES

#: Of those that a frontend may have, or it is not made at all; what is counted is a bit less than what is needed.
_MOST_LINES = MOST_LINES * 3 // 4
_MOST_OF_STAR = 32
#: Of what is stored for one application, and for all: a longer pool would not be stored at all.
_LONGEST, _LONGEST_ALL = 200_000, MAX_BYTES * 7 // 8
_RULES = Spot("rules")
_NO_PORTS: Counter[int] = Counter()


class Room:
    """In one pool."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all = NOTHING
        self._of: dict[App | Owner, Amount] = {}
        self._ports: dict[App | Owner | None, Counter[int]] = {}
        """How many claims of each are at which ports; None stands for all."""
        self._lines = MapLines()

    def take(self, claim: AppClaim, holders: Holders) -> Obstacle | None:
        """Count a claim that is about to be held, unless there is no room for something of it."""
        obstacle = self._beyond_limits(claim) or self._beyond_shares(claim) or self._beyond_maps(claim, holders)
        if obstacle is None:
            self._count(claim, 1)
        return obstacle

    def release(self, claim: AppClaim, free: list[Demand]) -> tuple[Spot, ...]:
        """It is held no more, and nobody says what is `free`; the answer is where there is more room now."""
        self._count(claim, -1)
        self._lines.remove(key for key, _, _ in free if isinstance(key, RuleKey))
        return (_of(claim.app), _RULES, _at(claim.port))

    def _count(self, claim: AppClaim, by: int) -> None:
        self._all = self._all.plus(claim.amount, by)
        of_whom: list[App | Owner] = [claim.app, *owners_of(claim.app)]
        for one in of_whom:
            amount = self._of.pop(one, NOTHING).plus(claim.amount, by)
            if amount != NOTHING:
                self._of[one] = amount
        for of in (None, *of_whom):
            ports = self._ports.setdefault(of, Counter())
            ports[claim.port] += by
            if not ports[claim.port]:
                del ports[claim.port]
            if not ports:
                del self._ports[of]

    def _ports_with(self, of: App | Owner | None, claim: AppClaim) -> int:
        ports = self._ports.get(of, _NO_PORTS)
        return len(ports) + (claim.port not in ports)

    def _beyond_limits(self, claim: AppClaim) -> Obstacle | None:
        most = self._limits
        own, every = self._of.get(claim.app, NOTHING).plus(claim.amount), self._all.plus(claim.amount)
        for has, limit, what, until in (
            (own.claims, most.claims, "claims of one application", _of(claim.app)),
            (own.rules, most.rules, "rules of one application", _of(claim.app)),
            (own.tried, most.tried_rules, "rules of one application that are tried one by one", _of(claim.app)),
            (own.certificates, most.certificates, "certificates of one application", _of(claim.app)),
            (self._ports_with(claim.app, claim), most.ports, "ports of one application", _of(claim.app)),
            (own.size, _LONGEST, "characters of one application", _of(claim.app)),
            (self._ports_with(None, claim), most.all_ports, "ports of all applications", _RULES),
            (every.size, _LONGEST_ALL, "characters of all applications", _RULES),
            (every.rules, most.all_rules, "rules of all applications", _RULES),
            (every.tried, most.all_tried_rules, "rules of all applications that are tried one by one", _RULES),
        ):
            if has > limit:
                return Obstacle(conflicts.too_many(claim, what, limit), (until,))
        return None

    def _beyond_shares(self, claim: AppClaim) -> Obstacle | None:
        """Limits of all are for all: no owner takes what is left of them."""
        most, every = self._limits, self._all.plus(claim.amount)
        for owner in owners_of(claim.app):
            has = self._of.get(owner, NOTHING).plus(claim.amount)
            for amount, left, what in (
                (has.size, _LONGEST_ALL - every.size, "characters"),
                (has.rules, most.all_rules - every.rules, "rules"),
                (has.tried, most.all_tried_rules - every.tried, "rules that are tried one by one"),
                (self._ports_with(owner, claim), most.all_ports - self._ports_with(None, claim), "ports"),
            ):
                if not leaves_enough(amount, left):
                    return Obstacle(conflicts.too_much(claim, owner, amount, what, left), (_RULES,))
        return None

    def _beyond_maps(self, claim: AppClaim, holders: Holders) -> Obstacle | None:
        new = [key for key, _, _ in claim.demands if isinstance(key, RuleKey) and not holders.of(key)]
        stars = [key.conditions.host for key in new if key.conditions.host.startswith("*")]
        for host, more in Counter(stars).items() if stars else ():
            if self._lines.of_host(claim.port, host) + more > _MOST_OF_STAR:
                return Obstacle(
                    conflicts.too_many(claim, f"rules of the host {host}", _MOST_OF_STAR), (_at(claim.port),)
                )
        self._lines.add(new)
        if self._lines.at_port(claim.port) <= _MOST_LINES:
            return None
        self._lines.remove(new)
        what = f"lines in HAProxy's maps of port {claim.port}"
        return Obstacle(conflicts.too_many(claim, what, _MOST_LINES), (_at(claim.port),))


def _of(app: App) -> Spot:
    return Spot("room of application", app)


def _at(port: int) -> Spot:
    return Spot("room at port", port)
