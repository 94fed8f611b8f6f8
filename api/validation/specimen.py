"""The files that HAProxy is asked about: those of an instance of the pool, with a server of each kind. Pure.

Knows which field of the pool each of their lines comes from. Does not know how HAProxy is asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.haproxy import Config
from api.dcos_template.rendering.origins import Origin, Places
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.text import render_with_places
from api.dcos_template.selecting.servers import key_of
from api.status.pool_fields import backend_field, frontend_field
from pool_executor.contract import KINDS, BackendFacts, compose, parse_marker, sample_lines
from pool_executor.lbmgr.structure.instance import Instance
from scheduler.pools.model import DEFAULT_ADDRESS, STATS_PORT_NAME, Pool, Service
from scheduler.pools.stored.record import StoredPool
from sdk.net.address import is_address

# Ports that Mesos gives are not known yet; no two listeners may have the same.
_FIRST_PORT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """Of one pool: its texts, and below each marker one server for each way in which servers are told."""

    pool: Pool
    texts: Texts
    places: Places
    services: Mapping[str, Sequence[Service]]
    """Of each backend by its name: looked for one by one they would take seconds in a pool of thousands."""

    @classmethod
    def of(cls, stored: StoredPool) -> "Specimen":
        """Raises InvalidSpec when the pool cannot be expressed."""
        texts, places = render_with_places(_config(stored), stored.template)
        # Of two of one name the first counts.
        services = {one.name: one.services for one in reversed(stored.pool.haproxy.backends)}
        return cls(pool=stored.pool, texts=texts, places=places, services=services)

    def files(self) -> Iterator[tuple[str, str, str]]:
        """Kind, name and content of each."""
        for name, text in self.texts.items():
            content = compose(text.text, sample_lines) if KINDS[text.part.kind].has_servers else text.text
            yield text.part.kind, name, content

    def field(self, file: str, line: int) -> str | None:
        """The path of the field that a line of a file comes from."""
        if file not in self.texts:
            return None
        found = next((origin for at, (_, origin) in enumerate(self._lines(file), 1) if at == line), None)
        return field_of(self.pool, found) if found is not None else None

    def field_of_published(self, file: str, line: int) -> str | None:
        """The same of a file as it is published, without servers."""
        origin = self.places[file].at(line) if file in self.places else None
        return field_of(self.pool, origin) if origin is not None else None

    def instance(self, sockets: PurePath, state: PurePath) -> Instance:
        """An instance that has every port."""
        parts = (text.part for text in self.texts.values())
        names = sorted({name for part in parts for name in part.needs.ports.values()})
        ports = {name: _FIRST_PORT + number for number, name in enumerate(names)}
        return Instance(task_id="none", ports=ports, sockets=sockets, state=state)

    def _lines(self, file: str) -> Iterator[tuple[str, Origin | None]]:
        """The lines with their servers, and where each comes from."""
        origins = self.places[file]
        for number, line in enumerate(self.texts[file].text.split("\n"), 1):
            yield line, origins.at(number)
            if (facts := parse_marker(line)) is not None:
                yield from zip(sample_lines(facts), self._origins(facts), strict=True)

    def _origins(self, facts: BackendFacts) -> Iterator[Origin]:
        """Of the samples."""
        firsts: dict[str, int] = {}
        for at, service in enumerate(self.services.get(facts.backend, ())):
            firsts.setdefault(key_of(service.endpoint), at)
        for key in facts.options:
            field = (f"services[{firsts[key]}].endpoint",) if key in firsts else ()
            yield "backend", facts.backend, *field


def field_of(pool: Pool, origin: Origin) -> str | None:
    """The path of the field that the templates call so."""
    match origin:
        case ("backend", name, *rest):
            path = backend_field(pool, name)
        case ("frontend", name, *rest):
            path = frontend_field(pool, name)
        case ("template", line):
            return f"lbtemplate line {line}"
        case ("stats", *rest):
            path = frontend_field(pool, STATS_PORT_NAME)
        case _:
            return None
    return ".".join([path, *rest]) if path is not None else None


def _config(stored: StoredPool) -> Config:
    """A name is resolved where an instance runs, which is another place than this one."""
    pool, haproxy = stored.pool, stored.pool.haproxy
    frontends = tuple(
        one if is_address(one.bind_address) else replace(one, bind_address=DEFAULT_ADDRESS) for one in haproxy.frontends
    )
    stats = haproxy.stats
    if not is_address(stats.listens_at):
        stats = replace(stats, bind_address=DEFAULT_ADDRESS)
    portable = replace(pool, haproxy=replace(haproxy, frontends=frontends, stats=stats))
    return build_config(portable, stored.cookie_key)
