"""From a pool to the HAProxy model. Pure.

Knows how the fields of a pool become sections, and which backend stands in which file. Does not know the text of the
files, nor which servers there are.
"""

from api.dcos_template.rendering.build.backend import build_backend
from api.dcos_template.rendering.build.files import file_slug, shard_of, shards
from api.dcos_template.rendering.build.frontend import build_frontend
from api.dcos_template.rendering.haproxy import Backend, Bind, Config
from scheduler.pools.model import STATS_PORT_NAME, Pool, PoolType
from scheduler.pools.service import port_name

__all__ = ["build_backend", "build_config", "build_frontend", "file_slug", "shard_of", "shards"]


def build_config(pool: Pool, cookie_key: str = "") -> Config:
    """The whole configuration of a pool; raises InvalidSpec when something of it cannot be expressed safely.

    Sticky backends need the pool's `cookie_key`.
    """
    backends: dict[str, Backend] = {}
    for backend in pool.haproxy.backends:
        if backend.name not in backends:  # duplicates are tolerated, the first stands for all
            backends[backend.name] = build_backend(backend, cookie_key)
    listeners = [*(frontend.name for frontend in pool.haproxy.frontends), STATS_PORT_NAME]
    # Ports that were allocated ahead have names of their own; the listener that uses one goes by that name.
    ports = {listener: port_name(pool, listener) for listener in listeners}
    shared = pool.type is PoolType.DYNAMIC
    frontends = [build_frontend(one, ports[one.name], shared=shared) for one in pool.haproxy.frontends]
    return Config(
        pool=pool.name,
        stats=Bind(address=pool.haproxy.stats.listens_at, port=ports[STATS_PORT_NAME]),
        stats_for_other_hosts=pool.haproxy.stats.for_other_hosts,
        frontends=tuple(sorted(frontends, key=lambda frontend: frontend.name)),
        backends=tuple(backends[name] for name in sorted(backends)),
    )
