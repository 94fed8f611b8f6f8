"""The files of a structure: what kinds there are, and what each is called and needs. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pool_executor.contract.needs import Needs, check_needs
from sdk.errors import CorruptRecord
from sdk.storage.blobs import Blob

#: Written by lbmgr itself, and read by HAProxy before all others.
INSTANCE_FILE = "00-instance.cfg"
#: How the names of two kinds of map files begin: of those that lead from a host to the name of a group, and of those
#: that lead from `<group>|<path prefix>` to a backend. In both the order of lines means nothing.
HOSTS_MAPS, ROUTES_MAPS = "hosts-", "routes-"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is done with files of one kind."""

    suffix: str
    directory: str
    """Below the directory of the configuration; empty: in it."""
    mode: int
    at_run_time: bool
    """Whether HAProxy takes another content of such a file without a reload."""
    has_servers: bool = False
    """Whether the text may hold markers, below which the servers of backends are placed."""


KINDS: Mapping[str, Kind] = {
    "config": Kind(suffix=".cfg", directory="", mode=0o644, at_run_time=False, has_servers=True),
    "map": Kind(suffix=".map", directory="maps", mode=0o644, at_run_time=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file: `sha256` and `size` are of the plain UTF-8 text."""

    name: str
    kind: str
    """A key of KINDS."""
    sha256: str
    size: int
    listener: str = ""
    """The frontend that alone stands in this part, and that waits while `needs` are not met; empty for all others."""
    needs: Needs = field(default_factory=Needs)

    @property
    def blob(self) -> Blob:
        """What it is stored as."""
        return Blob(self.sha256, self.size)

    @classmethod
    def of(cls, name: str, kind: str, text: str, listener: str = "", needs: Needs | None = None) -> "Part":
        """The part that consists of `text`."""
        sha256, size = Blob.of(text)
        return cls(
            name=name,
            kind=kind,
            sha256=sha256,
            size=size,
            listener=listener,
            needs=needs or Needs(),
        )


def check_part(part: Part) -> None:
    """Raises CorruptRecord when a part of this name, kind or need cannot be."""
    path = f"parts.{part.name:.80}"
    if not _NAME.fullmatch(part.name) or part.name == INSTANCE_FILE:
        raise CorruptRecord(path, f"is not a name a part may have ({_NAME.pattern}, not {INSTANCE_FILE})")
    kind = KINDS.get(part.kind)
    if kind is None:
        raise CorruptRecord(f"{path}.kind", f"is {part.kind!r:.80}; it is one of {', '.join(KINDS)}")
    if not part.name.endswith(kind.suffix):
        raise CorruptRecord(path, f"is a {part.kind} part whose name does not end in {kind.suffix}")
    check_needs(part.needs, f"{path}.needs")
