"""The frontends of a generated pool, one for each port, with their rules in order. Pure.

Hears of what is held, and makes only those frontends anew at which something changed.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.bringing import Brought, bringing
from api.auto_pools.claims.demand import (
    DefaultKey,
    Demand,
    FrontendKey,
    RedirectKey,
    Route,
    RuleKey,
)
from api.auto_pools.claims.holders import Holders
from api.auto_pools.making import order
from api.auto_pools.making.certificates import certificate_hosts
from scheduler.pools.model import DEFAULT_ADDRESS, Frontend, LinkBackend, MapRule
from scheduler.pools.model.redirect import Redirect

_place = itemgetter(0)


class _Port:
    """What stands in order at one port."""

    __slots__ = ("bringers", "default_backend", "redirects", "rules")

    def __init__(self) -> None:
        self.rules: list[tuple[order.Place, MapRule]] = []
        self.redirects: list[tuple[order.Place, Redirect]] = []
        self.default_backend = ""
        self.bringers: dict[AppClaim, Brought] = {}
        """Claims with certificates, the one that is held longest first."""


class Frontends:
    """Of everything that is held."""

    def __init__(self, holders: Holders) -> None:
        self._holders = holders
        self._ports: dict[int, _Port] = {}
        self._made: dict[int, Frontend] = {}
        self._changed: set[int] = set()

    def taken(self, claim: AppClaim, new: Sequence[Demand]) -> None:
        """A claim is held, and nobody had said what is `new`."""
        port = self._ports.setdefault(claim.port, _Port())
        if (brought := bringing(claim)) is not None:
            port.bringers[claim] = brought
            self._changed.add(claim.port)
        for demand in new:
            match demand.key:
                case RuleKey(_, conditions) if isinstance(demand.value, Route):
                    place = order.of_rule(conditions, demand.value.weight)
                    insort(port.rules, (place, conditions.rule(claim.group)), key=_place)
                case RedirectKey() if isinstance(demand.value, Redirect):
                    insort(port.redirects, (order.of_redirect(demand.value), demand.value), key=_place)
                case DefaultKey():
                    port.default_backend = claim.group
                case FrontendKey():
                    pass
                case _:
                    continue
            self._changed.add(claim.port)

    def released(self, claim: AppClaim, free: Sequence[Demand]) -> None:
        """It is held no more, and nobody says what is `free`."""
        number = claim.port
        if not self._holders.at_port(number).claims:
            self._ports.pop(number, None)
            self._made.pop(number, None)
            return
        port = self._ports[number]
        for demand in free:
            match demand.key:
                case RuleKey(_, conditions) if isinstance(demand.value, Route):
                    _remove(port.rules, order.of_rule(conditions, demand.value.weight))
                case RedirectKey() if isinstance(demand.value, Redirect):
                    _remove(port.redirects, order.of_redirect(demand.value))
                case DefaultKey():
                    port.default_backend = ""
                case FrontendKey():
                    pass
                case _:
                    continue
            self._changed.add(number)
        if claim in port.bringers:
            del port.bringers[claim]
            self._changed.add(number)

    def all(self) -> tuple[Frontend, ...]:
        """By port; those at which nothing changed are the same objects as before."""
        for number in self._changed & self._ports.keys():
            self._made[number] = self._frontend(number, self._ports[number])
        self._changed.clear()
        return tuple(self._made[number] for number in sorted(self._made))

    def _frontend(self, number: int, port: _Port) -> Frontend:
        options: dict[str, Any] = dict(self._holders.at_port(number).options)
        options.setdefault("name", Frontend.default_name(options.get("bind_address", DEFAULT_ADDRESS), number))
        redirects = (*options.pop("redirects", ()), *map(itemgetter(1), port.redirects))
        return Frontend(
            **options,
            bind_port=number,
            certificates=tuple(dict.fromkeys(file for brought in port.bringers.values() for file in brought.files)),
            certificate_hosts=certificate_hosts(port.bringers, self._holders.at_port(number).claims),
            redirects=redirects,
            link_backend=LinkBackend(default_backend=port.default_backend, map=tuple(rule for _, rule in port.rules)),
        )


def _remove(items: list[Any], place: order.Place) -> None:
    del items[bisect_left(items, place, key=_place)]
