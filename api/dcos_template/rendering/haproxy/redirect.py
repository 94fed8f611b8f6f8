"""Answers of a frontend that send clients elsewhere."""

from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require
from scheduler.pools.raw import printed
from scheduler.pools.words import texts
from scheduler.pools.words.location import location_problem, prefix, prefix_problem

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Sends requests that meet all that is given to a place of the pool's own words."""

    location: str
    code: int
    keeps_path: bool = False
    host: str = ""
    path_is: str = ""
    path_begins: str = ""

    def __post_init__(self) -> None:
        problem = prefix_problem if self.keeps_path else location_problem
        require(problem(self.location) is None, "redirect.location", f"{self.location!r:.80} is no place")
        require(self.code in _CODES, "redirect.code", f"{self.code} sends nobody elsewhere")
        require(not self.host or texts.host_name(self.host) is None, "redirect.hostEq", f"{self.host!r} is no host")
        for path in (self.path_is, self.path_begins):
            require(not path or texts.path(path) is None, "redirect.path", f"{path!r} is no path")

    @property
    def words(self) -> str:
        """The place as HAProxy is told: to it this is a format, in which a percent sign stands twice."""
        place = prefix(self.location) if self.keeps_path else self.location
        return printed(["prefix" if self.keeps_path else "location", place.replace("%", "%%")])
