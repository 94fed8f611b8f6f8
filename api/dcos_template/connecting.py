"""The words by which all servers of a backend are connected to: TLS, and which HTTP is spoken. Pure.

Knows what HAProxy takes from the rest of a server's line only in a file: servers that are added at run time take
nothing, so all of it is said, for requests and for checks. Does not know the options of single services (servers.py).
"""

from scheduler.pools.model import Backend
from scheduler.pools.texts import server_name
from sdk.errors import InvalidSpec
from sdk.net.address import is_address

_BOTH = "h2,http/1.1"


def connecting(backend: Backend) -> str:
    """The words; raises InvalidSpec for texts that the API would not take."""
    words = []
    if backend.protocol.is_tls:
        words.append(_tls(_name(backend)))
    if backend.http2 and backend.protocol.is_http:
        # Without TLS nothing could be agreed on: it is HTTP/2 from the first byte.
        words.append(f"alpn {_BOTH}" if backend.protocol.is_tls else "proto h2")
        if backend.custom_check.httpchk:
            words.append(f"check-alpn {_BOTH}" if backend.protocol.is_tls else "check-proto h2")
    return " ".join(words)


def _tls(name: str) -> str:
    """Certificates are not verified: most servers in a cluster have one that they signed themselves."""
    words = "ssl verify none check-ssl"
    return f"{words} sni str({name}) check-sni {name}" if name else words


def _name(backend: Backend) -> str:
    """The name by which servers are asked, where the pool says it."""
    if name := backend.tls.server_name:
        if problem := server_name(name):
            raise InvalidSpec(f"backend {backend.name}: tls.serverName", f"{name!r:.80} {problem}")
        return name
    rewrite = backend.rewrite_http
    host = rewrite.host.partition(":")[0] if rewrite.request.set_host_header and backend.protocol.is_http else ""
    return "" if is_address(host) else host
