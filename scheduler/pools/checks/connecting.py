"""How servers are connected to: what their protocol must be for it."""

from collections.abc import Iterator

from scheduler.pools.model import Backend, ServerTls
from scheduler.pools.problems import Problem


def connecting_problems(path: str, backend: Backend) -> Iterator[Problem]:
    protocol = backend.protocol
    if backend.tls != ServerTls() and not protocol.is_tls:
        rule = f"is about TLS, which a backend of protocol {protocol} does not speak; it takes HTTPS or TLS"
        yield Problem(path=f"{path}.tls", rule=rule)
    for name, rules in (("requestHeaders", backend.request_headers), ("responseHeaders", backend.response_headers)):
        if rules and not protocol.is_http:
            rule = f"are about HTTP, which a backend of protocol {protocol} does not see; it takes HTTP or HTTPS"
            yield Problem(path=f"{path}.{name}", rule=rule)
    if not backend.http2:
        return
    if not protocol.is_http:
        rule = f"is about HTTP, which a backend of protocol {protocol} does not speak; it takes HTTP or HTTPS"
        yield Problem(path=f"{path}.http2", value="true", rule=rule)
    for index, service in enumerate(backend.services):
        named = [word for word in service.endpoint.misc_str.split() if word in ("alpn", "proto")]
        if named:
            rule = f"holds {named[0]}, of which http2 says something, too; give one of them"
            where = f"{path}.services[{index}].endpoint.miscStr"
            yield Problem(path=where, value=service.endpoint.misc_str, rule=rule)
