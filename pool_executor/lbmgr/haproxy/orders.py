"""Orders to HAProxy's stats socket. Values only."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Run:
    """Send one line; `{maps}` in it stands for the directory of map files."""

    line: str


@dataclass(frozen=True, slots=True)
class ReplaceMap:
    """Replace all entries of the map file `part` in one transaction; `entries` are `key value` lines in order."""

    part: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplaceFile:
    """Give another content to a file that HAProxy has loaded for TLS; `kind` is its word for such files.

    The content is a key, as a rule: it is not shown.
    """

    kind: str
    path: str
    lines: tuple[str, ...] = field(repr=False)
    staple: tuple[str, ...] = ()
    """What is said about the validity of a certificate (OCSP), in base64; without it nothing is said any more."""


Command = Run | ReplaceMap | ReplaceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the running HAProxy takes at run time.

    `server_options` maps each option of `add server` to the number of words that follow it.
    """

    version: str
    server_options: dict[str, int]
