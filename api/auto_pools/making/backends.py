"""The backends of a generated pool, one for each group of claims, with each application as a service. Pure.

Hears of what is held, and makes only those backends anew of which something changed. A service is found by what an
application is called, never by its tasks: a task that is replaced changes nothing here.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import BackendKey, Demand, Served, Servers, ServiceKey
from api.auto_pools.claims.holders import Holders
from scheduler.pools.model import Backend, MarathonSelector, MesosSelector, Service

_WHOLE = 100
_place = itemgetter(0)


class Backends:
    """Of everything that is held."""

    def __init__(self, holders: Holders) -> None:
        self._holders = holders
        self._names: list[str] = []
        self._services: dict[str, list[tuple[Servers, Served, Service]]] = {}
        self._made: dict[str, Backend] = {}
        self._changed: set[str] = set()

    def taken(self, claim: AppClaim, new: Sequence[Demand]) -> None:
        """A claim is held, and nobody had said what is `new`."""
        if claim.group not in self._services:
            insort(self._names, claim.group)
        services = self._services.setdefault(claim.group, [])
        for demand in new:
            match demand.key:
                case ServiceKey(_, servers) if isinstance(demand.value, Served):
                    insort(services, (servers, demand.value, service_of(servers, demand.value)), key=_order)
                case BackendKey():
                    pass
                case _:
                    continue
            self._changed.add(claim.group)

    def released(self, claim: AppClaim, free: Sequence[Demand]) -> None:
        """It is held no more, and nobody says what is `free`."""
        group = claim.group
        if not self._holders.in_group(group).claims:
            if self._services.pop(group, None) is not None:
                del self._names[bisect_left(self._names, group)]
            self._made.pop(group, None)
            self._changed.discard(group)
            return
        for demand in free:
            match demand.key:
                case ServiceKey(_, servers):
                    services = self._services[group]
                    del services[bisect_left(services, _order((servers,)), key=_order)]
                case BackendKey():
                    pass
                case _:
                    continue
            self._changed.add(group)

    def all(self) -> tuple[Backend, ...]:
        """By name; those of which nothing changed are the same objects as before."""
        for group in self._changed:
            options: dict[str, Any] = dict(self._holders.in_group(group).options)
            self._made[group] = Backend(**options, name=group, services=_with_shares(self._services[group]))
        self._changed.clear()
        return tuple(map(self._made.__getitem__, self._names))


def service_of(servers: Servers, served: Served) -> Service:
    """The service without its share."""
    app = servers.app
    if app is None:
        return Service(endpoint=served.endpoint)
    if app.marathon:
        marathon = MarathonSelector(service_id=app.name, container_name=app.container)
        return Service(marathon=marathon, mesos=MesosSelector(framework_name=app.framework), endpoint=served.endpoint)
    mesos = MesosSelector(framework_name=app.framework, task_name=app.name)
    return Service(mesos=mesos, endpoint=served.endpoint)


def shares(asked: Sequence[int]) -> list[int]:
    """The shares in whole percents, all of them together; none has more than was asked for in proportion, but for what
    is left over by rounding down, which goes to those that lost most.
    """
    total = sum(asked)
    if not total:
        return [0] * len(asked)
    found = [_WHOLE * one // total for one in asked]
    lost = sorted(range(len(asked)), key=lambda at: (-(_WHOLE * asked[at] % total), at))
    for at in lost[: _WHOLE - sum(found)]:
        found[at] += 1
    return found


def _with_shares(services: Sequence[tuple[Servers, Served, Service]]) -> tuple[Service, ...]:
    """Applications come and go one by one: what those that are there ask for is brought to a hundred."""
    asked = [served.percent for _, served, _ in services if served.percent is not None]
    if not asked:
        return tuple(service for *_, service in services)
    if not any(asked):
        # Nobody wants a request.
        return tuple(replace(one, endpoint=replace(one.endpoint, weight=0)) for *_, one in services)
    return tuple(
        replace(service, percent=percent) for (*_, service), percent in zip(services, shares(asked), strict=True)
    )


def _order(item: Sequence[Any]) -> tuple[Any, ...]:
    servers: Servers = item[0]
    return (servers.app or (), servers.ports)
