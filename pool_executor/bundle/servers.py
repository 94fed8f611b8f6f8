"""Server lines, and a config part as sections with its server lines apart. Pure.

Two parts with equal skeletons differ only in servers, which HAProxy can be told at run time.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_SERVER_ID = 2**31 - 1

# Narrower than HAProxy's own grammar: nothing that its parser or its command line would unquote, expand or split at.
# A line outside this form is not a server line; it belongs to the skeleton, and a change of it is a reload.
_SERVER_LINE = re.compile(
    r"    server (?P<name>[A-Za-z0-9_.:-]+) (?P<address>[A-Za-z0-9_.:\[\]-]+):(?P<port>[0-9]{1,5})"
    r" id (?P<id>[0-9]{1,10})(?P<options>(?: [A-Za-z0-9_.:,/@%+*()=\[\]-]+)*)"
)
_SECTION = re.compile(r"(?P<kind>[a-z][a-z0-9_-]*)(?:[ \t]+(?P<name>\S+)(?:[ \t]+from[ \t]+(?P<base>\S+))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server line. `options` is the text after the id, one space between words."""

    name: str
    address: str
    port: int
    id: int
    options: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The options split at spaces."""
        return tuple(self.options.split())

    def line(self) -> str:
        """The line as it stands in a part."""
        return (
            f"    server {self.name} {self.address}:{self.port} id {self.id}{' ' if self.options else ''}{self.options}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a config part: `kind` as `backend` or `defaults`, its other lines and its server lines.

    `base` is the name after `from`, of the defaults section that it inherits from.
    """

    kind: str
    name: str
    base: str = ""
    lines: tuple[str, ...]
    servers: tuple[Server, ...]


def parse_server(line: str) -> Server | None:
    """The server that `line` (without its line end) defines, or None when it is not a server line."""
    match = _SERVER_LINE.fullmatch(line)
    if match is None:
        return None
    server_id, port = int(match["id"]), int(match["port"])
    if not 1 <= server_id <= MAX_SERVER_ID or not 0 <= port <= 65535:
        return None
    return Server(
        name=match["name"],
        address=match["address"],
        port=port,
        id=server_id,
        options=match["options"].removeprefix(" "),
    )


def skeleton(text: str) -> str:
    """The sha256 of a config part without its server lines: two parts with equal skeletons differ only in servers."""
    digest = hashlib.sha256()
    # HAProxy ends lines at \n alone; str.splitlines() would also split inside comments and regexes.
    for line in text.split("\n"):
        if parse_server(line) is None:
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def count_servers(text: str) -> dict[str, int]:
    """How many servers each backend of a config part has, by its name; those without any are left out."""
    return {
        section.name: len(section.servers)
        for section in split_servers(text)
        if section.kind in ("backend", "listen") and section.servers
    }


def split_servers(text: str) -> tuple[Section, ...]:
    """The sections of a config part in order, with the server lines of each apart from its other lines.

    Comments and blank lines before the first section are left out.
    """
    sections: list[Section] = []
    kind: str | None = None
    name = base = ""
    lines: list[str] = []
    servers: list[Server] = []

    def close() -> None:
        if kind is not None:
            sections.append(Section(kind=kind, name=name, base=base, lines=tuple(lines), servers=tuple(servers)))

    for line in text.split("\n"):
        header = _SECTION.match(line)
        if header is not None:
            close()
            kind, name, base = header["kind"], header["name"] or "", header["base"] or ""
            lines, servers = [], []
            continue
        server = parse_server(line)
        if server is not None and kind is not None:
            servers.append(server)
        else:
            lines.append(line)
    close()
    return tuple(sections)


def replace_servers(text: str, wanted: Mapping[str, Sequence[Server]]) -> str:
    """A config part with other servers in the backends that `wanted` names; its skeleton stays the same.

    They stand where the first server of the backend stood, or at its end when it had none.
    """
    result: list[str] = []
    pending: Sequence[Server] | None = None
    at = 0

    def place() -> None:
        nonlocal pending
        if pending is not None:
            result[at:at] = [server.line() for server in pending]
        pending = None

    section: str | None = None
    for line in text.split("\n"):
        if (header := _SECTION.match(line)) is not None:
            place()
            section = header["name"] if header["kind"] in ("backend", "listen") else None
            pending = wanted.get(section) if section is not None else None
        elif section in wanted and parse_server(line) is not None:
            at = len(result) if pending is not None else at
            place()
            continue
        result.append(line)
        if pending is not None and line.strip():
            at = len(result)
    place()
    return "\n".join(result)
