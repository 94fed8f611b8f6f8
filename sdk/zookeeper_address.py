"""Where ZooKeeper is: the one reading of its addresses, for every option, setting and argument that takes one."""

import argparse
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from sdk.errors import InvalidSpec

_DEFAULT_PORT = 2181
_SERVER = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[^:]*))?")
_FORM = "the form is [zk://]host:port[,host:port][/path]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooKeeperAddress:
    """`servers` are `host:port`, `path` is empty or `/a/b`, `login` a user and a password that nothing here prints."""

    servers: tuple[str, ...]
    path: str = ""
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def ensemble(self) -> str:
        """`host:port,host:port`."""
        return ",".join(self.servers)

    def __str__(self) -> str:
        """As kazoo takes it and people may read it: without the login."""
        return self.ensemble + self.path


def parse(text: str, field_path: str = "zk") -> ZooKeeperAddress:
    """`[zk://][user:password@]host[:port][,host[:port]][/path]`; the port is 2181 by default, `zoo://` is as `zk://`.

    Raises InvalidSpec for `field_path` when it is anything else.
    """
    rest = text.strip().removeprefix("zk://").removeprefix("zoo://")
    login, at, address = rest.rpartition("@")
    user, _, password = login.partition(":")
    hosts, slash, path = address.partition("/")
    path = path.rstrip("/")
    if "//" in slash + path or any(part in (".", "..") for part in path.split("/")):
        raise InvalidSpec(field_path, f"/{path} is no path in ZooKeeper; {_FORM}")
    return ZooKeeperAddress(
        servers=tuple(_server(part.strip(), field_path) for part in hosts.split(",")),
        path=f"/{path}" if path else "",
        login=(unquote(user), unquote(password)) if at else None,
    )


def _server(text: str, field_path: str) -> str:
    found = _SERVER.fullmatch(text)
    if found is None:
        raise InvalidSpec(field_path, f"'{text}' is not host:port; {_FORM}")
    port = found["port"]
    if port is None:
        port = str(_DEFAULT_PORT)
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535):
        raise InvalidSpec(field_path, f"'{text}': '{port}' is no port from 1 to 65535; {_FORM}")
    return f"{found['host']}:{int(port)}"


def argument(text: str) -> str:
    """The text as it is when it is an address of ZooKeeper: a `type` for argparse."""
    try:
        parse(text)
    except InvalidSpec as error:
        raise argparse.ArgumentTypeError(error.rule) from None
    return text
