"""Answers of a frontend that send clients elsewhere."""

from dataclasses import dataclass

from api.dcos_template.haproxy.grammar import require
from scheduler.pools import texts

_CODES = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class StaysOnHttp:
    """Requests for this host, or any, whose path begins so."""

    host: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        require(bool(self.host or self.path), "except", "needs a host or a path")
        require(not self.host or texts.host_name(self.host) is None, "except.host", f"{self.host!r} is no host")
        require(not self.path or texts.path(self.path) is None, "except.pathBeg", f"{self.path!r} is no path")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsRedirect:
    """Sends clients to HTTPS, at the host that they asked."""

    port: int
    code: int
    exceptions: tuple[StaysOnHttp, ...]

    def __post_init__(self) -> None:
        require(0 < self.port < 65536, "redirectToHttps.port", f"{self.port} is no port")
        require(self.code in _CODES, "redirectToHttps.code", f"{self.code} sends nobody elsewhere")

    @property
    def authority_end(self) -> str:
        """What stands behind the host in the new place."""
        return "" if self.port == 443 else f":{self.port}"
