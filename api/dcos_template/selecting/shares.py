"""Weights by which each service of a backend gets its share of the requests, however many servers it has. Pure.

Knows that weights are whole numbers up to 256, which the servers of a backend share requests by. Does not know who
tells HAProxy of them.
"""

import zlib
from collections.abc import Iterable, Mapping

from pool_executor.contract import MAX_WEIGHT


def weights(servers: Iterable[tuple[str, int]], percents: Mapping[int, int]) -> dict[str, int]:
    """The weight of each server, given its name and the number of its service, and the percents of services.

    The share of a service without servers goes to the others. A service gets so many units of weight that its share is
    right as far as whole numbers can say it, and spreads them over its servers: where there are fewer units than
    servers, some of these get nothing.
    """
    of_service: dict[int, list[str]] = {}
    for name, service in servers:
        of_service.setdefault(service, []).append(name)
    live = {service: names for service, names in of_service.items() if percents.get(service, 0) > 0}
    found = {name: 0 for names in of_service.values() for name in names}
    if not live:
        return found
    # As fine as can be: the servers that get most have the largest weight that there is.
    scale = MAX_WEIGHT / max(percents[service] / len(names) for service, names in live.items())
    for service, names in live.items():
        units = max(1, round(scale * percents[service]))
        each, more = divmod(units, len(names))
        # An order that does not change when others come and go, and that differs from the one of addresses.
        for at, name in enumerate(sorted(names, key=_place)):
            found[name] = min(MAX_WEIGHT, each + (at < more))
    return found


def _place(name: str) -> tuple[int, str]:
    return zlib.crc32(name.encode()), name
