"""What a server is asked, when a client asks something: the host, the path and the headers of a backend. Pure."""

import re

from api.dcos_template.rendering.rewriting import Replacement, rewriting
from scheduler.pools.model import Backend


def rewritten(backend: Backend, host: str, url: str, *, port: int, tls: bool) -> tuple[str, str, list[str]]:
    """Host, path with query, and headers that are added or set; raises InvalidSpec for what HAProxy is not told."""
    rewrite = backend.rewrite_http
    found = rewriting(
        host=rewrite.host,
        from_path=rewrite.path.from_path,
        to_path=rewrite.path.to_path,
        set_host=rewrite.request.set_host_header,
        rewrite_path=rewrite.request.rewrite_path,
        rewrite_location=rewrite.response.rewrite_location,
    )
    path, mark, query = url.partition("?")
    headers = []
    if rewrite.request.forwardfor:
        headers.append("X-Forwarded-For: <the client's address>")
    if rewrite.request.x_forwarded_port:
        headers.append(f"X-Forwarded-Port: {port}")
    if rewrite.request.x_forwarded_proto_https_if_tls and tls:
        headers.append("X-Forwarded-Proto: https")
    return found.host or host, f"{_replaced(found.path, path)}{mark}{query}", headers


def _replaced(replacement: Replacement | None, path: str) -> str:
    if replacement is None:
        return path
    # In HAProxy's text %% is a %.
    return re.sub(replacement.pattern, replacement.text.replace("%%", "%"), path, count=1)
