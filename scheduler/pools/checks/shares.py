"""Shares of the requests that the services of a backend get."""

from collections.abc import Iterator

from scheduler.pools.model import Backend
from scheduler.pools.problems import Problem

_WHOLE = 100
#: Their servers are asked in another way than by weights that change at run time.
_WITHOUT_WEIGHTS = frozenset({"first", "static-rr"})


def share_problems(path: str, backend: Backend) -> Iterator[Problem]:
    given = {at: service.percent for at, service in enumerate(backend.services) if service.has_share}
    if not given:
        return
    if (whole := sum(given.values())) != _WHOLE:
        rule = f"makes {whole} with those of the other services; together they must be {_WHOLE}"
        yield Problem(path=f"{path}.services[{max(given)}].percent", value=str(given[max(given)]), rule=rule)
    if backend.balance in _WITHOUT_WEIGHTS:
        rule = "does not go by weights, which percents of services need"
        yield Problem(path=f"{path}.balance", value=backend.balance, rule=rule)
    for index, service in enumerate(backend.services):
        where = f"{path}.services[{index}]"
        if not service.has_share:
            yield Problem(path=f"{where}.percent", rule="is required, as other services of the backend have one")
        endpoint = service.endpoint
        for name, said in (("weight", endpoint.weight != 1), ("backup", endpoint.backup)):
            if said:
                yield Problem(
                    path=f"{where}.endpoint.{name}", rule="cannot be given beside percent, which sets weights"
                )
        if {"weight", "backup"} & set(endpoint.misc_str.split()):
            rule = "cannot hold weight or backup beside percent, which sets weights"
            yield Problem(path=f"{where}.endpoint.miscStr", value=endpoint.misc_str, rule=rule)
