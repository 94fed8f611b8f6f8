"""What options may hold: a value that can never work is refused where it is given, with the option's name. Pure."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import click

Rule = Callable[[str], str | None]
"""The end of a sentence about a value, or None."""

_NODE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_FRAMEWORK = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")


class Checked(click.ParamType[str]):
    """A text under a rule."""

    def __init__(self, name: str, rule: Rule) -> None:
        self.name = name
        self._rule = rule

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, or click's error with the option's name."""
        if problem := self._rule(str(value)):
            self.fail(f"{str(value)[:80]!r} {problem}", param, ctx)
        return str(value)


def host_port(text: str) -> str | None:
    """`host:port`, `[v6]:port` or `:port`."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or int(port) > 65535 or (":" in bare and not host.startswith("[")):
        return "is not host:port, such as 127.0.0.1:8080"
    return None if re.fullmatch(r"[A-Za-z0-9_.:%-]*", bare) else "holds a host that cannot be one"


def host_ports(text: str) -> str | None:
    """Several, joined by commas; each names its host."""
    parts = split(text)
    if not parts:
        return "names nobody; give host:port, or several joined by commas"
    wrong = next((part for part in parts if host_port(part) or part.startswith(":")), None)
    return f"holds {wrong[:80]!r}, which is not host:port" if wrong else None


def host_names(text: str) -> str | None:
    """Names of hosts, joined by commas, without ports; none is fine."""
    wrong = next((name for name in split(text) if not _HOST_NAME.fullmatch(name)), None)
    return f"holds {wrong[:80]!r}, which is no name of a host (without a port)" if wrong else None


def split(text: str) -> tuple[str, ...]:
    """What commas join."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def node_path(text: str) -> str | None:
    """The path of a node in ZooKeeper."""
    names = text.strip("/").split("/")
    if all(_NODE.fullmatch(name) for name in names) and names[0] != "zookeeper":
        return None
    return "is not a path in ZooKeeper such as /edgelb"


def framework_name(text: str) -> str | None:
    """The name of a framework, which is the name of a node, too."""
    return None if _FRAMEWORK.fullmatch(text) else "is not a name of lower case letters, digits and dashes"


def url_prefix(text: str) -> str | None:
    """A path below which something is served; empty for none."""
    return None if _PREFIX.fullmatch(text) else "is not a path of a URL such as /service/edgelb"


def base_url(text: str) -> str | None:
    """An http(s) URL of a server."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    return None if good else "is not a URL of the form http://host:port"


HOST_PORT = Checked("host:port", host_port)
HOST_NAMES = Checked("name,...", host_names)
HOST_PORTS = Checked("host:port,...", host_ports)
NODE_PATH = Checked("path", node_path)
FRAMEWORK_NAME = Checked("name", framework_name)
URL_PREFIX = Checked("path", url_prefix)
BASE_URL = Checked("url", base_url)
