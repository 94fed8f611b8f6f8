"""Who holds what: the claims that are in a pool, by what they ask for. Pure.

All that hold a key say the same there. Does not know who may hold it (contest.py).
"""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from api.auto_pools.claim import App
from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import BackendKey, CertificateKey, Demand, FrontendKey, Key, RuleKey
from api.auto_pools.claims.host_rules import HostRules
from api.auto_pools.claims.owners import Family, family_of


class Conflict(NamedTuple):
    """What a claim asks for, and who holds it and says something else there."""

    demand: Demand
    key: Key
    """Which of its keys is meant: that of the demand, or one that is as good as the same."""
    holder: AppClaim
    held: object


class _Hold:
    """Nearly every one has one claim: only for the others a table is kept."""

    __slots__ = ("_claims", "value")

    def __init__(self, value: object, claim: AppClaim) -> None:
        self.value = value
        self._claims: AppClaim | dict[AppClaim, None] = claim

    @property
    def claims(self) -> Collection[AppClaim]:
        """The one that holds it longest first."""
        return (self._claims,) if isinstance(self._claims, AppClaim) else self._claims.keys()

    def put(self, claim: AppClaim) -> None:
        """One more."""
        if isinstance(self._claims, AppClaim):
            self._claims = {self._claims: None}
        self._claims[claim] = None

    def drop(self, claim: AppClaim) -> bool:
        """One less; whether it was the last one."""
        if isinstance(self._claims, AppClaim):
            return True
        del self._claims[claim]
        return not self._claims


class Sharers:
    """The claims at a port, or of a group, the one that is held longest first, and what they say of it together."""

    __slots__ = ("apps", "certificates", "claims", "families", "options")

    def __init__(self) -> None:
        self.claims: dict[AppClaim, None] = {}
        self.apps: Counter[App] = Counter()
        self.families: Counter[Family] = Counter()
        self.options: dict[str, object] = {}
        """By fields of Frontend or Backend."""
        self.certificates = 0
        """How many different ones."""

    def others(self, app: App) -> Iterator[App]:
        """Applications but this one."""
        return (one for one in self.apps if one != app)

    def put(self, claim: AppClaim) -> None:
        """One more."""
        self.claims[claim] = None
        self.apps[claim.app] += 1
        self.families[family_of(claim.app)] += 1

    def drop(self, claim: AppClaim) -> None:
        """One less."""
        del self.claims[claim]
        self.apps[claim.app] -= 1
        if not self.apps[claim.app]:
            del self.apps[claim.app]
        family = family_of(claim.app)
        self.families[family] -= 1
        if not self.families[family]:
            del self.families[family]


_NOBODY = Sharers()


class Holders:
    """All that are held; they are taken in the order of their ranks."""

    def __init__(self) -> None:
        self._holds: dict[Key, _Hold] = {}
        self._ports: dict[int, Sharers] = {}
        self._groups: dict[str, Sharers] = {}
        self.hosts = HostRules()

    def at_port(self, port: int) -> Sharers:
        """Who is there."""
        return self._ports.get(port, _NOBODY)

    def in_group(self, group: str) -> Sharers:
        """Who is in it."""
        return self._groups.get(group, _NOBODY)

    def value(self, key: Key) -> object | None:
        """What is said there; None when nobody says anything."""
        hold = self._holds.get(key)
        return None if hold is None else hold.value

    def of(self, key: Key) -> Collection[AppClaim]:
        """Who holds it, the longest first."""
        hold = self._holds.get(key)
        return () if hold is None else hold.claims

    def conflict(self, claim: AppClaim) -> Conflict | None:
        """The first thing that the claim cannot have."""
        for demand in claim.demands:
            hold = self._holds.get(demand.key)
            if hold is not None and hold.value != demand.value:
                return Conflict(demand, demand.key, next(iter(hold.claims)), hold.value)
            if isinstance(demand.key, RuleKey):
                for key in self.hosts.alike(demand.key):
                    hold = self._holds[key]
                    if hold.value != demand.value:
                        return Conflict(demand, key, next(iter(hold.claims)), hold.value)
        return None

    def take(self, claim: AppClaim) -> list[Demand]:
        """Hold a claim that has no conflict; the answer is what nobody had said before."""
        port = self._ports.setdefault(claim.port, Sharers())
        group = self._groups.setdefault(claim.group, Sharers())
        port.put(claim)
        group.put(claim)
        new = []
        for demand in claim.demands:
            hold = self._holds.get(demand.key)
            if hold is not None:
                hold.put(claim)
                continue
            self._holds[demand.key] = _Hold(demand.value, claim)
            new.append(demand)
            match demand.key:
                case RuleKey() as key:
                    self.hosts.add(key)
                case FrontendKey(_, field):
                    port.options[field] = demand.value
                case CertificateKey():
                    port.certificates += 1
                case BackendKey(_, field):
                    group.options[field] = demand.value
        return new

    def release(self, claim: AppClaim) -> list[Demand]:
        """Hold it no more; the answer is what nobody says now."""
        port, group = self._ports[claim.port], self._groups[claim.group]
        port.drop(claim)
        group.drop(claim)
        if not port.claims:
            del self._ports[claim.port]
        if not group.claims:
            del self._groups[claim.group]
        free = []
        for demand in claim.demands:
            if not self._holds[demand.key].drop(claim):
                continue
            del self._holds[demand.key]
            free.append(demand)
            match demand.key:
                case RuleKey() as key:
                    self.hosts.remove(key)
                case FrontendKey(_, field):
                    del port.options[field]
                case CertificateKey():
                    port.certificates -= 1
                case BackendKey(_, field):
                    del group.options[field]
        return free
