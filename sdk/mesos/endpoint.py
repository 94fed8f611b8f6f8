"""Addresses of masters and agents, and the three forms in which Mesos writes a Location. No I/O."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from sdk.errors import InvalidSpec

DEFAULT_PORT = 5050


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a Mesos process listens."""

    host: str
    port: int
    scheme: str = "http"

    @property
    def address(self) -> str:
        """`host:port`, with brackets around an IPv6 address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """`scheme://host:port`."""
        return f"{self.scheme}://{self.address}"

    def __str__(self) -> str:
        """The form for humans."""
        return self.address


def parse(text: str, *, scheme: str = "http", default_port: int = DEFAULT_PORT) -> Endpoint:
    """`host`, `host:port`, `[v6]:port`, `//host:port/...` or `http(s)://host:port/...`; raises InvalidSpec."""
    text = text.strip()
    shown = text.rpartition("@")[2]  # who believes that a login may stand here is not to find it in a log
    parts = urlsplit(text if "//" in text else f"//{text}", scheme=scheme)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidSpec("master", f"{shown!r} has a bad port: {error}") from error
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidSpec("master", f"{shown!r} is not host:port or http(s)://host:port")
    return Endpoint(host, port or default_port, parts.scheme)


def parse_list(text: str, *, scheme: str = "http") -> tuple[Endpoint, ...]:
    """`host:port[,host:port]`, where a scheme in front of the first counts for those behind it."""
    endpoints: list[Endpoint] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        endpoints.append(parse(part, scheme=endpoints[0].scheme if endpoints else scheme))
    if not endpoints:
        raise InvalidSpec("master", f"{text!r} names no master")
    return tuple(endpoints)


def follow(location: str, asked: Endpoint) -> Endpoint:
    """The master that a 307 of `asked` names.

    Mesos 1.12 writes `//host:port/master/api/v1/scheduler`; its documentation shows a bare `host:port`; proxies write
    whole URLs. The path is not used: every master has the same ones.
    """
    if location.startswith("/") and not location.startswith("//"):
        return asked
    return parse(location, scheme=asked.scheme)
