"""A request that somebody asks about. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from scheduler.pools.problems import shown
from scheduler.pools.routing import Target

_LONGEST = 8192
_MOST_HEADERS = 100
_PORTS = {"http": 80, "https": 443}
_FIELDS = ("url", "headers", "sni", "frontend")


class BadQuestion(ValueError):
    """It cannot be answered; the message names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request as a client would send it."""

    tls: bool
    address: str
    """The host of the URL, to which a client would connect."""
    port: int
    port_given: bool
    """Whether the URL says the port, or it is the usual one."""
    host: str
    """The header `Host`."""
    url: str
    """Path and query."""
    sni: str
    frontend: str
    """The listener that is asked, whatever the port; `""` when the port says it."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names and values of the other headers."""

    @property
    def target(self) -> Target:
        """What rules look at."""
        return Target.of(self.host, self.url, self.headers)


def read_question(body: object) -> Question:
    """Raises BadQuestion."""
    if not isinstance(body, Mapping):
        raise BadQuestion('must be an object such as {"url": "http://www.example.com/"}')
    for name in body:
        if name not in _FIELDS:
            raise BadQuestion(f"{shown(name)}: unknown field; known are {', '.join(_FIELDS)}")
    url = _text(body, "url")
    if not url:
        raise BadQuestion("url: is required, as in http://www.example.com/path")
    headers = body.get("headers") or {}
    if not isinstance(headers, Mapping) or len(headers) > _MOST_HEADERS:
        raise BadQuestion(f"headers: must be an object of at most {_MOST_HEADERS} names and values")
    told = [(name, _header(headers, name)) for name in headers]
    hosts = [value for name, value in told if name.lower() == "host"]
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        address, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadQuestion(f"url: {shown(url)} invalid: {error}") from None
    if parts.scheme not in _PORTS or not address:
        raise BadQuestion(f"url: {shown(url)} invalid: must begin with http:// or https:// and a host")
    path = parts.path or "/"
    return Question(
        tls=parts.scheme == "https",
        address=address,
        port=_PORTS[parts.scheme] if port is None else port,
        port_given=port is not None,
        host=hosts[0] if hosts else parts.netloc.rpartition("@")[2],
        url=f"{path}?{parts.query}" if parts.query else path,
        sni=_text(body, "sni") or (address if parts.scheme == "https" else ""),
        frontend=_text(body, "frontend"),
        headers=tuple((name, value) for name, value in told if name.lower() != "host"),
    )


def _header(headers: Mapping[str, object], name: str) -> str:
    if name.lower() == "host":
        return _text(headers, name, f"headers.{name}")
    value = headers[name]
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise BadQuestion(f"{shown(f'headers.{name}')}: must be a string of at most {_LONGEST} characters")
    if not value.replace("\t", " ").isprintable():
        raise BadQuestion(f"{shown(f'headers.{name}')}: {shown(value)} invalid: must be one line")
    return value


def _text(body: Mapping[str, object], name: str, path: str = "") -> str:
    value = body.get(name)
    if value is None:
        return ""
    path = path or name
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise BadQuestion(f"{shown(path)}: must be a string of at most {_LONGEST} characters")
    if not all("!" <= char <= "~" for char in value):
        rule = "must be printable ASCII without spaces, as clients send it: other characters stand as %20 in URLs"
        raise BadQuestion(f"{shown(path)}: {shown(value)} invalid: {rule}")
    return value
