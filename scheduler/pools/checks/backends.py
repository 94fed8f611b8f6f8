"""Backends, and how they are checked."""

from collections.abc import Iterator

from scheduler.pools.checks.connecting import connecting_problems
from scheduler.pools.checks.reserved import reserved
from scheduler.pools.checks.services import service_problems
from scheduler.pools.checks.shares import share_problems
from scheduler.pools.checks.users import user_problems
from scheduler.pools.model import Backend, Pool, Retries
from scheduler.pools.problems import Problem
from scheduler.pools.words import health_check, texts
from scheduler.pools.words.server_words import needs_http


def backend_name_problems(pool: Pool) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, backend in enumerate(pool.haproxy.backends):
        if problem := reserved(backend.name):
            yield Problem(path=f"pool.haproxy.backends[{index}].name", value=backend.name, rule=problem)
        if backend.name in first:
            path, known = f"pool.haproxy.backends[{index}].name", f"pool.haproxy.backends[{first[backend.name]}]"
            yield Problem(path=path, value=backend.name, rule=f"is also the name of {known}, which has other content")
        first.setdefault(backend.name, index)


def backend_problems(index: int, backend: Backend) -> Iterator[Problem]:
    path = f"pool.haproxy.backends[{index}]"
    if not backend.protocol.is_http and texts.balance_needs_http(backend.balance):
        rule = f"looks at HTTP requests, which a backend of protocol {backend.protocol} does not see"
        yield Problem(path=f"{path}.balance", value=backend.balance, rule=rule)
    if backend.basic_auth is not None and not backend.protocol.is_http:
        rule = f"is about HTTP, which a backend of protocol {backend.protocol} does not see; it takes HTTP or HTTPS"
        yield Problem(path=f"{path}.basicAuth", rule=rule)
    yield from user_problems(f"{path}.basicAuth", backend.basic_auth)
    yield from connecting_problems(path, backend)
    yield from share_problems(path, backend)
    yield from _retries(f"{path}.retries", backend)
    yield from _custom_check(f"{path}.customCheck", backend)
    for place, service in enumerate(backend.services):
        if not backend.protocol.is_http and needs_http(service.endpoint.misc_str):
            rule = f"names a protocol of HTTP, which a backend of protocol {backend.protocol} does not speak"
            value = service.endpoint.misc_str
            yield Problem(path=f"{path}.services[{place}].endpoint.miscStr", value=value, rule=rule)
        yield from service_problems(f"{path}.services[{place}]", service)


def _retries(path: str, backend: Backend) -> Iterator[Problem]:
    usual, asked = Retries(), backend.retries
    if backend.protocol.is_http:
        return
    for name, differs in (("on", asked.on != usual.on), ("methods", asked.methods != usual.methods)):
        if differs:
            rule = f"is about HTTP, which a backend of protocol {backend.protocol} does not see; it has count only"
            yield Problem(path=f"{path}.{name}", rule=rule)


def _custom_check(path: str, backend: Backend) -> Iterator[Problem]:
    check = backend.custom_check
    refines = health_check.needs_http(check.misc_str)
    if refines and not check.httpchk:
        yield Problem(path=f"{path}.miscStr", value=check.misc_str, rule="refines an HTTP check; set httpchk to true")
    given = [
        name
        for name, value in (
            ("httpchk", check.httpchk),
            ("sslHelloChk", check.ssl_hello_chk),
            ("miscStr", check.misc_str and not refines),
        )
        if value
    ]
    if len(given) > 1:
        yield Problem(path=path, rule=f"{' and '.join(given)} are each a check of their own; give one of them")
