"""How a frontend finds a backend: lookup files, and rules that are tried one after the other."""

import re
from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.asked import AskedAcl
from api.dcos_template.rendering.haproxy.grammar import require
from api.dcos_template.rendering.routes import MapEntry
from scheduler.pools.words import texts

_MAP_FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,58}\.map")
_MAP_WORD = re.compile(r"[!-\"$-~][!-~]{0,2047}")  # printable ASCII without spaces, not beginning like a comment
_VALUE = re.compile(r"\|[0-9]{7}\|[A-Za-z0-9:_.-]{1,128}")
_EXPRESSION = re.compile(r"[!-&(-~]{1,8192}")  # printable ASCII without spaces and ', which ends it


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
class Attempt:
    """What is tried in one line: a rule with patterns, or one with some of its hosts."""

    field: str
    """The place of the rule within its frontend, such as `linkBackend.map[2]`."""
    value: str
    """As in the file of paths."""
    names: tuple[str, ...] = ()
    """Hosts on every port; in a line there are hosts of one kind only."""
    names_with_port: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    """Ends of hosts, which begin with a dot."""
    host_reg: str = ""
    """Expressions are in plain words."""
    path_beg: str = ""
    path_end: str = ""
    path_reg: str = ""
    asked: tuple[AskedAcl, ...] = ()
    """Of headers and cookies; all have to hold."""

    def __post_init__(self) -> None:
        path = self.field
        require(_VALUE.fullmatch(self.value) is not None, path, f"{self.value!r} is not the value of a rule")
        for host in (*self.names, *self.names_with_port, *(f"*{end}" for end in self.ends)):
            require(texts.host_eq(host) is None, path, f"{host!r} is not a host")
        for part in (self.path_beg, self.path_end):
            require(texts.path_end(part) is None, path, f"{part!r} is not part of a path")
        for one in filter(None, (self.host_reg, self.path_reg)):
            require(_EXPRESSION.fullmatch(one) is not None, path, f"{one!r} is not an expression in plain words")

    @property
    def backend(self) -> str:
        """Where it leads."""
        return MapEntry("", self.value).backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How an HTTP frontend finds a backend by host and path before it takes its default."""

    hosts: MapFile
    paths: MapFile
    ports_in_hosts: bool
    wildcards: tuple[int, ...] = ()
    """Of how many labels the ends of hosts are that are looked up."""
    turns: bool
    """Whether rules of hosts have to be compared with rules without a host."""
    attempts: tuple[Attempt, ...] = ()
    """Whose turns are compared with those of what was looked up."""

    @property
    def asked(self) -> tuple[AskedAcl, ...]:
        """What rules ask of headers and cookies, each once."""
        return tuple(dict.fromkeys(one for attempt in self.attempts for one in attempt.asked))

    @property
    def keeps_host(self) -> bool:
        """Whether the host is needed more than once."""
        return bool(self.wildcards or self.attempts)

    @property
    def backends(self) -> set[str]:
        """Names of all that it can lead to."""
        found = {entry.backend for entry in self.paths.entries} | {attempt.backend for attempt in self.attempts}
        return found - {""}
