"""How servers are connected to: what their protocol must be for it."""

from collections.abc import Iterator

from scheduler.pools.model import SYSTEM, Backend, ServerTls
from scheduler.pools.problems import Problem
from scheduler.pools.words.server_words import UNVERIFIED


def connecting_problems(path: str, backend: Backend) -> Iterator[Problem]:
    protocol = backend.protocol
    if backend.tls != ServerTls() and not protocol.is_tls:
        rule = f"is about TLS, which a backend of protocol {protocol} does not speak; it takes HTTPS or TLS"
        yield Problem(path=f"{path}.tls", rule=rule)
    yield from _verification(path, backend)
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


def _verification(path: str, backend: Backend) -> Iterator[Problem]:
    tls = backend.tls
    if tls.verify_host and not tls.ca:
        rule = "is looked at only where certificates are verified; say in ca who may have signed them"
        yield Problem(path=f"{path}.tls.verifyHost", value=tls.verify_host, rule=rule)
    if not tls.ca:
        return
    if tls.verify_host and backend.server_name:
        rule = f"is not looked at: servers are asked for {backend.server_name}, and must prove that name"
        yield Problem(path=f"{path}.tls.verifyHost", value=tls.verify_host, rule=rule)
    if tls.ca == SYSTEM and not (tls.verify_host or backend.server_name):
        rule = "trusts certificates of everybody; say in verifyHost or serverName for which name they must be"
        yield Problem(path=f"{path}.tls.ca", value=tls.ca, rule=rule)
    for index, service in enumerate(backend.services):
        endpoint = service.endpoint
        for field, text in (("miscStr", endpoint.misc_str), ("check.customStr", endpoint.check.custom_str)):
            said = [word for word in text.split() if word in UNVERIFIED]
            if said:
                rule = f"holds {said[0]}, of which tls.ca says something, too; give one of them"
                where = f"{path}.services[{index}].endpoint.{field}"
                yield Problem(path=where, value=text, rule=rule)
