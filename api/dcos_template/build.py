"""From a pool and its endpoints to the HAProxy model. Pure.

Knows how the fields of a pool become sections, how servers are named and numbered, and which backend stands in which
file. Does not know the text of the files.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from api.dcos_template.endpoint import Endpoint, Kind
from api.dcos_template.model import Backend, Bind, Config, Frontend, MapFile, Mode, Routing
from api.dcos_template.routes import build_routes
from pool_executor.bundle import HOSTS_MAPS, MAX_SERVER_ID, ROUTES_MAPS, Server, parse_server, port_variable
from scheduler.pools import model as pools
from scheduler.pools.model import STATS_PORT_NAME, Pool, Protocol
from scheduler.pools.service import port_name
from sdk.net.address import is_address

SHARDS = 64
#: HAProxy's own TCP check: every 5 s, every second while the state is in doubt: a dead server is out after 7 s.
CHECK_OPTIONS = "check fall 3 fastinter 1s inter 5s rise 2"
RESOLVERS = "edgelb"
#: A name is resolved by resolvers, triggered by the check; when none answers at the start, HAProxy starts all the same.
NAME_OPTIONS = f"init-addr last,libc,none resolve-prefer ipv4 resolvers {RESOLVERS}"

_MODES = {Protocol.HTTP: Mode.HTTP, Protocol.HTTPS: Mode.HTTP, Protocol.TCP: Mode.TCP, Protocol.TLS: Mode.TCP}


def build_config(pool: Pool, endpoints: Mapping[str, Sequence[Endpoint]]) -> Config:
    """The whole configuration of a pool; raises InvalidSpec when something of it cannot be expressed safely."""
    backends: dict[str, Backend] = {}
    for backend in pool.haproxy.backends:
        if backend.name not in backends:  # duplicates are tolerated, the first stands for all
            backends[backend.name] = build_backend(backend, endpoints.get(backend.name, ()))
    listeners = [*(frontend.name for frontend in pool.haproxy.frontends), STATS_PORT_NAME]
    # Ports that were allocated ahead have names of their own; the listener that uses one goes by that name.
    ports = {listener: port_name(pool, listener) for listener in listeners}
    frontends = [build_frontend(frontend, ports[frontend.name]) for frontend in pool.haproxy.frontends]
    return Config(
        pool=pool.name,
        stats=Bind(address=pool.haproxy.stats.listens_at, variable=port_variable(ports[STATS_PORT_NAME])),
        stats_for_other_hosts=pool.haproxy.stats.for_other_hosts,
        frontends=tuple(sorted(frontends, key=lambda frontend: frontend.name)),
        backends=tuple(backends[name] for name in sorted(backends)),
        ports={port_variable(name): name for name in ports.values()},
    )


def build_frontend(frontend: pools.Frontend, port: str) -> Frontend:
    """One frontend with its maps; `port` is the name of the task port that it listens on."""
    routing = None
    if frontend.link_backend.map:
        routes = build_routes(frontend.link_backend.map)
        slug = file_slug(frontend.name)
        routing = Routing(
            hosts=MapFile(name=f"{HOSTS_MAPS}{slug}.map", entries=routes.hosts),
            paths=MapFile(name=f"{ROUTES_MAPS}{slug}.map", entries=routes.paths),
            ports_in_hosts=routes.ports_in_hosts,
        )
    return Frontend(
        name=frontend.name,
        mode=_MODES[frontend.protocol],
        bind=Bind(address=frontend.bind_address, variable=port_variable(port)),
        routing=routing,
        default_backend=frontend.link_backend.default_backend,
    )


def build_backend(backend: pools.Backend, endpoints: Sequence[Endpoint]) -> Backend:
    """One backend with its servers."""
    mode = _MODES[backend.protocol]
    request, http = backend.rewrite_http.request, mode is Mode.HTTP
    return Backend(
        name=backend.name,
        mode=mode,
        balance=backend.balance,
        forwardfor=http and request.forwardfor,
        x_forwarded_port=http and request.x_forwarded_port,
        x_forwarded_proto=http and request.x_forwarded_proto_https_if_tls,
        servers=build_servers(endpoints),
    )


def build_servers(endpoints: Iterable[Endpoint]) -> tuple[Server, ...]:
    """The servers of one backend in the order of their endpoints, numbered uniquely within it.

    The number is a hash of the name, so that it is the same in every instance and after every restart, and a server
    keeps its place in consistent hashing. Where two names collide, the later in the order takes the next free number.
    An endpoint that cannot be written as a server line is left out; `unwritable` names it.
    """
    servers, taken = [], set[int]()
    for endpoint in sorted(endpoints):
        server = _server(endpoint)
        if server is None:
            continue
        number = server.id
        while number in taken:
            number = number % MAX_SERVER_ID + 1
        taken.add(number)
        servers.append(server if number == server.id else replace(server, id=number))
    return tuple(servers)


def endpoint_of(server: Server) -> Endpoint | None:
    """The endpoint from which `build_servers` made this server; None when it has a fixed address, or another name."""
    kind, _, place = server.name.partition("_")
    host, _, _ = place.rpartition("_")
    if kind not in (Kind.AGENT_IP, Kind.CONTAINER_IP) or not is_address(host):
        return None
    return Endpoint(Kind(kind), host, server.port, "check" in server.words)


def unwritable(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Those that no server line can hold."""
    return tuple(endpoint for endpoint in endpoints if _server(endpoint) is None)


# Most servers of a change were there before it.
@lru_cache(maxsize=131072)
def _server(endpoint: Endpoint) -> Server | None:
    address = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    name = f"{endpoint.kind}_{endpoint.host}_{endpoint.port}"
    options = [CHECK_OPTIONS] if endpoint.check else []
    if not is_address(endpoint.host):
        options.append(NAME_OPTIONS)
    server = Server(
        name=name,
        address=address,
        port=endpoint.port,
        id=zlib.crc32(name.encode()) % MAX_SERVER_ID + 1,
        options=" ".join(options),
    )
    # One endpoint that lbmgr would not understand must not cost the others their place.
    return server if parse_server(server.line()) == server else None


def shard_of(backend: str) -> str:
    """The file in which a backend stands: always the same, whatever other backends there are."""
    return f"30-backends-{hashlib.sha256(backend.encode()).digest()[0] % SHARDS:02x}.cfg"


def shards(backends: Iterable[Backend]) -> dict[str, tuple[Backend, ...]]:
    """The backends of each file, in the order of their names."""
    found: dict[str, list[Backend]] = {}
    for backend in sorted(backends, key=lambda one: one.name):
        found.setdefault(shard_of(backend.name), []).append(backend)
    return {name: tuple(found[name]) for name in sorted(found)}


def file_slug(name: str) -> str:
    """A file name's middle for any name: itself when it is plain and short, else with a digest that keeps it unique."""
    if re.fullmatch(r"[a-z0-9-]{1,40}", name):
        return name
    plain = re.sub(r"[^a-z0-9-]", "-", name.lower())[:28]
    return f"{plain}.{hashlib.sha256(name.encode()).hexdigest()[:12]}"
