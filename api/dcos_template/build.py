"""From a pool to the HAProxy model. Pure.

Knows how the fields of a pool become sections, and which backend stands in which file. Does not know the text of the
files, nor which servers there are.
"""

import hashlib
import re
from collections.abc import Iterable

from api.dcos_template.model import Backend, Bind, Config, Frontend, MapFile, Mode, Routing
from api.dcos_template.rewriting import Rewriting, rewriting
from api.dcos_template.routes import build_routes
from api.dcos_template.servers import options_for, tls_options
from pool_executor.contract import HOSTS_MAPS, ROUTES_MAPS, SHARDS
from scheduler.pools import model as pools
from scheduler.pools.health_check import HttpRequest, line_problem, parse_request, request_problem
from scheduler.pools.model import STATS_PORT_NAME, Pool, Protocol
from scheduler.pools.service import port_name
from sdk.errors import InvalidSpec

_MODES = {Protocol.HTTP: Mode.HTTP, Protocol.HTTPS: Mode.HTTP, Protocol.TCP: Mode.TCP, Protocol.TLS: Mode.TCP}

_TLS, _HTTP = (Protocol.HTTPS, Protocol.TLS), (Protocol.HTTP, Protocol.HTTPS)


def build_config(pool: Pool) -> Config:
    """The whole configuration of a pool; raises InvalidSpec when something of it cannot be expressed safely."""
    backends: dict[str, Backend] = {}
    for backend in pool.haproxy.backends:
        if backend.name not in backends:  # duplicates are tolerated, the first stands for all
            backends[backend.name] = build_backend(backend)
    listeners = [*(frontend.name for frontend in pool.haproxy.frontends), STATS_PORT_NAME]
    # Ports that were allocated ahead have names of their own; the listener that uses one goes by that name.
    ports = {listener: port_name(pool, listener) for listener in listeners}
    frontends = [build_frontend(frontend, ports[frontend.name]) for frontend in pool.haproxy.frontends]
    return Config(
        pool=pool.name,
        stats=Bind(address=pool.haproxy.stats.listens_at, port=ports[STATS_PORT_NAME]),
        stats_for_other_hosts=pool.haproxy.stats.for_other_hosts,
        frontends=tuple(sorted(frontends, key=lambda frontend: frontend.name)),
        backends=tuple(backends[name] for name in sorted(backends)),
    )


def build_frontend(frontend: pools.Frontend, port: str) -> Frontend:
    """One frontend with its maps; `port` is the name of the task port that it listens on."""
    routing = None
    if frontend.link_backend.map:
        try:
            routes = build_routes(frontend.link_backend.map)
        except InvalidSpec as error:
            raise InvalidSpec(f"frontend {frontend.name}: {error.path}", error.rule) from error
        slug = file_slug(frontend.name)
        routing = Routing(
            hosts=MapFile(name=f"{HOSTS_MAPS}{slug}.map", entries=routes.hosts),
            paths=MapFile(name=f"{ROUTES_MAPS}{slug}.map", entries=routes.paths),
            ports_in_hosts=routes.ports_in_hosts,
            turns=routes.turns,
        )
    return Frontend(
        name=frontend.name,
        mode=_MODES[frontend.protocol],
        bind=Bind(address=frontend.bind_address, port=port),
        routing=routing,
        default_backend=frontend.link_backend.default_backend,
    )


def build_backend(backend: pools.Backend) -> Backend:
    """One backend with what its servers can go by."""
    mode = _MODES[backend.protocol]
    request, http = backend.rewrite_http.request, mode is Mode.HTTP
    return Backend(
        name=backend.name,
        mode=mode,
        balance=backend.balance,
        forwardfor=http and request.forwardfor,
        x_forwarded_port=http and request.x_forwarded_port,
        x_forwarded_proto=http and request.x_forwarded_proto_https_if_tls,
        rewriting=_rewriting(backend) if http else Rewriting(),
        http_check=_http_check(backend),
        check_line=_check_line(backend),
        options=_options(backend),
    )


def _http_check(backend: pools.Backend) -> HttpRequest | None:
    check = backend.custom_check
    if not check.httpchk:
        return None
    request = parse_request(check.httpchk_misc_str)
    if request is None:
        rule = request_problem(check.httpchk_misc_str) or ""
        raise InvalidSpec(f"backend {backend.name}: customCheck.httpchkMiscStr", rule)
    return request


def _check_line(backend: pools.Backend) -> str:
    check = backend.custom_check
    if check.misc_str and (problem := line_problem(check.misc_str)):
        raise InvalidSpec(f"backend {backend.name}: customCheck.miscStr", problem)
    # To servers that are spoken to by TLS every check begins with a handshake: a second one within it would fail.
    hello = "option ssl-hello-chk" if check.ssl_hello_chk and backend.protocol not in _TLS else ""
    return check.misc_str or hello


def _options(backend: pools.Backend) -> dict[str, str]:
    try:
        return options_for(backend.services, tls_options(_host_of(backend)) if backend.protocol in _TLS else "")
    except InvalidSpec as error:
        raise InvalidSpec(f"backend {backend.name}: {error.path}", error.rule) from error


def _host_of(backend: pools.Backend) -> str:
    """The name by which servers are asked, where the pool says it."""
    rewrite = backend.rewrite_http
    return rewrite.host.partition(":")[0] if rewrite.request.set_host_header and backend.protocol in _HTTP else ""


def _rewriting(backend: pools.Backend) -> Rewriting:
    rewrite = backend.rewrite_http
    try:
        return rewriting(
            host=rewrite.host,
            from_path=rewrite.path.from_path,
            to_path=rewrite.path.to_path,
            set_host=rewrite.request.set_host_header,
            rewrite_path=rewrite.request.rewrite_path,
            rewrite_location=rewrite.response.rewrite_location,
        )
    except InvalidSpec as error:
        raise InvalidSpec(f"backend {backend.name}: {error.path}", error.rule) from error


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
