"""Services that are about to be stored, as the template process is asked about them. Pure.

Only what decides which tasks become servers is asked: what else a service says makes it no new one.
"""

import json
from collections.abc import Collection, Iterator
from typing import NamedTuple

from scheduler.pools.model import Endpoint, EndpointType, Pool, Service
from scheduler.pools.stored.sparse import read, written
from sdk.errors import CorruptRecord

MOST_SERVICES = 100
#: It travels in an address, which may become three times as long there.
_LONGEST = 60_000


class Placed(NamedTuple):
    """A service and its path in the pool."""

    path: str
    service: Service


class Question(NamedTuple):
    """Services of one pool."""

    pool: str
    services: tuple[Service, ...]


def new_services(pool: Pool, before: Pool | None) -> list[Placed]:
    """The first of those that select otherwise than all that their backend had before."""
    found: list[Placed] = []
    length = 0
    for one in _new(pool, before):
        length += len(json.dumps(written(one.service)))
        if len(found) == MOST_SERVICES or length > _LONGEST:
            break
        found.append(one)
    return found


def written_question(pool: str, services: Collection[Service]) -> str:
    """As `read_question` reads it."""
    return json.dumps({"pool": pool, "services": [written(one) for one in services]}, separators=(",", ":"))


def read_question(text: str) -> Question:
    """Raises CorruptRecord for what is none, or too long to be looked at."""
    path = "services"
    try:
        told = json.loads(text)
        pool, services = told["pool"], told["services"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptRecord(path, f"is no question: {error!r:.80}") from error
    if not isinstance(pool, str) or not isinstance(services, list) or len(services) > MOST_SERVICES:
        raise CorruptRecord(path, f"must be of a pool, a list, and at most {MOST_SERVICES}")
    return Question(pool, tuple(read(Service, one, f"{path}[{at}]") for at, one in enumerate(services)))


def _new(pool: Pool, before: Pool | None) -> Iterator[Placed]:
    backends = {} if before is None else {one.name: one for one in before.haproxy.backends}
    for number, backend in enumerate(pool.haproxy.backends):
        same = backends.get(backend.name)
        if same is not None and same.services == backend.services:
            continue
        known = set() if same is None else {_looked_at(one) for one in same.services}
        for index, one in enumerate(backend.services):
            service = _looked_at(one)
            if one.endpoint.type is not EndpointType.ADDRESS and service not in known:
                yield Placed(f"pool.haproxy.backends[{number}].services[{index}]", service)


def _looked_at(service: Service) -> Service:
    """The service without what has no part in which tasks become its servers."""
    wish = service.endpoint
    endpoint = Endpoint(
        type=wish.type,
        port=wish.port,
        port_name=wish.port_name,
        all_ports=wish.all_ports,
        trust_announced=wish.trust_announced,
    )
    return Service(marathon=service.marathon, mesos=service.mesos, endpoint=endpoint)
