"""The words by which all servers of a backend are connected to: TLS, and which HTTP is spoken. Pure.

Knows what HAProxy takes from the rest of a server's line only in a file: servers that are added at run time take
nothing, so all of it is said, for requests and for checks. Does not know the options of single services (servers.py).
"""

from api.dcos_template.rendering.haproxy.server_tls import ServerTls
from scheduler.pools.model import Backend
from scheduler.pools.words.texts import server_name
from sdk.errors import InvalidSpec

_BOTH = "h2,http/1.1"


def connecting(backend: Backend) -> str:
    """The words; raises InvalidSpec for texts that the API would not take."""
    words = []
    if (tls := server_tls(backend)) is not None:
        words.append(tls.words)
    if backend.http2 and backend.protocol.is_http:
        # Without TLS nothing could be agreed on: it is HTTP/2 from the first byte.
        words.append(f"alpn {_BOTH}" if backend.protocol.is_tls else "proto h2")
        if backend.custom_check.httpchk:
            words.append(f"check-alpn {_BOTH}" if backend.protocol.is_tls else "check-proto h2")
    return " ".join(words)


def server_tls(backend: Backend) -> ServerTls | None:
    """How its servers are spoken to in TLS, None in the clear; raises InvalidSpec as above."""
    if not backend.protocol.is_tls:
        return None
    tls = backend.tls
    for field, name in (("serverName", tls.server_name), ("verifyHost", tls.verify_host)):
        if name and (problem := server_name(name)):
            raise InvalidSpec(f"backend {backend.name}: tls.{field}", f"{name!r:.80} {problem}")
    try:
        return ServerTls(
            name=backend.server_name, authority=tls.ca, verified_name=tls.verify_host, certificate=tls.certificate
        )
    except InvalidSpec as error:
        raise InvalidSpec(f"backend {backend.name}: tls.{error.path}", error.rule) from error
