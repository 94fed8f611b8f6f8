"""The rendered form of one pool, brought up to date at a cost that follows the change.

Knows which files depend on which backends. Pure: pool and endpoints in, texts out. An exception leaves it as it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from api.dcos_template.build import build_config, build_servers, shard_of, unwritable
from api.dcos_template.endpoint import Endpoint
from api.dcos_template.model import Backend
from api.dcos_template.text import Texts, render, render_backends
from scheduler.pools.model import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A pool as text. `backends` and `shards` (file -> names of its backends) are what the texts were printed from."""

    pool: Pool
    ports: Mapping[str, str]
    backends: Mapping[str, Backend]
    shards: Mapping[str, tuple[str, ...]]
    texts: Texts
    unwritable: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    """Endpoints of backends that no server line can hold: they are left out."""

    @property
    def server_names(self) -> frozenset[tuple[str, str]]:
        """Every server as (backend, name)."""
        return frozenset((name, server.name) for name, one in self.backends.items() for server in one.servers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a reader of the log wants to know about a new rendering."""

    servers_added: int
    servers_removed: int


def render_pool(pool: Pool, endpoints: Mapping[str, Sequence[Endpoint]]) -> Rendering:
    """The pool from scratch; raises InvalidSpec when something of it cannot be expressed safely."""
    config = build_config(pool, endpoints)
    shards: dict[str, list[str]] = {}
    for backend in config.backends:
        shards.setdefault(shard_of(backend.name), []).append(backend.name)
    return Rendering(
        pool=pool,
        ports=config.ports,
        backends={backend.name: backend for backend in config.backends},
        shards={name: tuple(names) for name, names in shards.items()},
        texts=render(config),
        unwritable={name: odd for name, told in endpoints.items() if (odd := unwritable(told))},
    )


def update_endpoints(rendering: Rendering, changed: Mapping[str, Sequence[Endpoint]]) -> tuple[Rendering, Difference]:
    """The same pool with other endpoints for some backends; prints only the files in which those stand."""
    backends = dict(rendering.backends)
    added = removed = 0
    files = set()
    refused = dict(rendering.unwritable)
    for name, endpoints in changed.items():
        before = backends.get(name)
        if before is None:
            continue
        after = replace(before, servers=build_servers(endpoints))
        refused.pop(name, None)
        if len(after.servers) != len(endpoints):
            refused[name] = unwritable(endpoints)
        if after.servers == before.servers:
            continue
        old, new = {server.name for server in before.servers}, {server.name for server in after.servers}
        added += len(new - old)
        removed += len(old - new)
        backends[name] = after
        files.add(shard_of(name))
    texts = dict(rendering.texts)
    for file in files:
        texts[file] = render_backends(file, [backends[name] for name in rendering.shards[file]])
    after_all = replace(rendering, backends=backends, texts=texts, unwritable=refused)
    return after_all, Difference(servers_added=added, servers_removed=removed)


def difference(before: Rendering | None, after: Rendering) -> Difference:
    """How the servers of two renderings differ."""
    old = before.server_names if before else frozenset()
    new = after.server_names
    return Difference(servers_added=len(new - old), servers_removed=len(old - new))
