"""What is accepted and probably not meant: parts without effect, rules that never match, selectors of nothing.

Knows only `Pool`. Sentences for the person who wrote it, each with its field path; nothing here refuses anything.
"""

from collections.abc import Iterator
from itertools import islice

from scheduler.pools.advice.frontend import frontend_sentences
from scheduler.pools.advice.service import service_sentences
from scheduler.pools.advice.shadowed import never_matching
from scheduler.pools.model import (
    Backend,
    CustomCheck,
    Frontend,
    Pool,
    Protocol,
)
from scheduler.pools.model.rewrite import RewriteHttp
from scheduler.pools.raw import chosen_backends
from scheduler.pools.words.constraints import BadConstraint
from sdk.net.address import is_address

_DOCUMENTED_NAMESPACE = "dcos-edgelb/pools"
_MAX_SENTENCES = 20
_SHOWN_HOSTS = 3


def pool_warnings(pool: Pool, framework: str = "edgelb") -> tuple[str, ...]:
    """The sentences, at most 20 and one that counts the rest; `framework` is the one that runs all pools."""
    found = _all(pool, framework)
    first = tuple(islice(found, _MAX_SENTENCES))
    more = sum(1 for _ in found)
    return (*first, f"and {more} more of this kind") if more else first


def _pinned(pool: Pool) -> bool:
    try:
        return any(constraint.operator == "IS" for constraint in pool.placement)
    except BadConstraint:
        return False  # the scheduler says so


def _all(pool: Pool, framework: str) -> Iterator[str]:
    if pool.namespace.strip("/") != _DOCUMENTED_NAMESPACE:
        yield "pool.namespace is kept but has no effect: all pools are services of one framework"
    if pool.package_name != "edgelb-pool" or pool.package_version:
        yield "pool.packageName and pool.packageVersion are kept but have no effect: no package is launched"
    if pool.secret_name:
        yield "pool.secretName is kept but has no effect: the framework that runs all pools has its own secret"
    if not pool.haproxy.frontends:
        yield "pool.haproxy.frontends is empty: the load balancers will serve statistics only"
    if pool.count > 1 and _pinned(pool):
        yield "pool.constraints pins all instances with IS; they may not fit on one agent"
    for index, frontend in enumerate(pool.haproxy.frontends):
        yield from _frontend(f"pool.haproxy.frontends[{index}]", frontend)
    for path, address in _binds(pool):
        if not (is_address(address) or address == "localhost"):
            yield f"{path} {address} is a name: where it does not resolve HAProxy refuses the whole configuration"
    used = {name for frontend in pool.haproxy.frontends for name in _chosen(frontend)}
    readable = {name for frontend in pool.haproxy.frontends if _is_readable(frontend) for name in _chosen(frontend)}
    for index, backend in enumerate(pool.haproxy.backends):
        path = f"pool.haproxy.backends[{index}]"
        yield from _backend(path, backend, used=backend.name in used)
        for number, service in enumerate(backend.services):
            yield from service_sentences(f"{path}.services[{number}]", service, pool.name, framework)
        if backend.basic_auth is not None and backend.name in readable:
            yield f"{path}.basicAuth: a frontend without TLS leads there, so that passwords can be read on the way"


def _binds(pool: Pool) -> Iterator[tuple[str, str]]:
    for index, frontend in enumerate(pool.haproxy.frontends):
        yield f"pool.haproxy.frontends[{index}].bindAddress", frontend.bind_address
    yield "pool.haproxy.stats.bindAddress", pool.haproxy.stats.listens_at


def _is_readable(frontend: Frontend) -> bool:
    """Whether requests come to backends as anybody on the way can read them."""
    redirect = frontend.redirect_to_https
    return frontend.protocol is Protocol.HTTP and (redirect is None or bool(redirect.except_))


def _chosen(frontend: Frontend) -> frozenset[str]:
    return frozenset(frontend.link_backend.backends) | chosen_backends(frontend.misc_strs)


def _frontend(path: str, frontend: Frontend) -> Iterator[str]:
    link = frontend.link_backend
    redirect = frontend.redirect_to_https
    yield from frontend_sentences(path, frontend)
    answers = redirect is not None or frontend.redirects or frontend.misc_strs
    if not (answers or link.default_backend or link.map):
        yield f"{path} has no linkBackend: it sends nothing anywhere, every request is answered with 503"
    for number, hosts, why in never_matching(link.map):
        some = f" for {', '.join(hosts[:_SHOWN_HOSTS])}{' ...' * (len(hosts) > _SHOWN_HOSTS)}" if hosts else ""
        yield f"{path}.linkBackend.map[{number}] never matches{some}, {why}"


def _backend(path: str, backend: Backend, *, used: bool) -> Iterator[str]:
    if not used:
        yield f"{path} ({backend.name}) is used by no frontend: nothing is sent to it"
    if not backend.services:
        yield f"{path} ({backend.name}) has no services: it will never have a server"
    yield from _rewriting(f"{path}.rewriteHttp", backend)
    if backend.custom_check.httpchk_misc_str and not backend.custom_check.httpchk:
        yield f"{path}.customCheck.httpchkMiscStr has no effect without httpchk: true"
    elif (
        backend.custom_check != CustomCheck()
        and backend.services
        and not any(one.endpoint.check.enabled for one in backend.services)
    ):
        yield f"{path}.customCheck has no effect: none of the services has endpoint.check.enabled"


def _rewriting(path: str, backend: Backend) -> Iterator[str]:
    rewrite = backend.rewrite_http
    if backend.protocol in (Protocol.TCP, Protocol.TLS) and rewrite != RewriteHttp():
        yield f"{path} has no effect: a backend of protocol {backend.protocol} does not see HTTP"
        return
    begin, end = rewrite.path.from_path, rewrite.path.to_path
    if end and not begin:
        yield f"{path}.path.toPath {end[:80]} has no effect without fromPath"
    # Toward the root, a slash more or less is nothing.
    elif end.strip("/") and begin.endswith("/") is not end.endswith("/"):
        yield f"{path}.path: only one of fromPath and toPath ends with /, so slashes are doubled or lost"
