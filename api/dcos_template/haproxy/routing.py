"""How a frontend finds a backend: lookup files."""

import re
from dataclasses import dataclass

from api.dcos_template.haproxy.grammar import require
from api.dcos_template.routes import MapEntry

_MAP_FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,58}\.map")
_MAP_WORD = re.compile(r"[!-\"$-~][!-~]{0,2047}")  # printable ASCII without spaces, not beginning like a comment


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFile:
    """A lookup file; `name` is relative to the directory of maps."""

    name: str
    entries: tuple[MapEntry, ...]

    def __post_init__(self) -> None:
        require(_MAP_FILE.fullmatch(self.name) is not None, "map.name", f"{self.name!r} is not a name for a map file")
        for entry in self.entries:
            for word in entry:
                path = f"map {self.name}"
                require(_MAP_WORD.fullmatch(word) is not None, path, f"{word!r} cannot stand in a map file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How an HTTP frontend finds a backend by host and path before it takes its default."""

    hosts: MapFile
    paths: MapFile
    ports_in_hosts: bool
    turns: bool
    """Whether rules of hosts have to be compared with rules without a host."""
