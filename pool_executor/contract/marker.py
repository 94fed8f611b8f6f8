"""The place of a backend's servers in the text of a structure, and what lbmgr has to know of that backend. Pure.

The place is a comment line that also holds the facts as JSON, so that a text says everything about itself: lbmgr looks
for such lines and reads nothing else of a text. HAProxy skips them.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pool_executor.contract.record import load
from sdk.errors import CorruptRecord
from sdk.net.names import is_key, is_name

_MARKER = "    # servers of "
# What `add server` can be told in one line: no quotes, no variables, no escapes, no second command.
_OPTIONS = re.compile(r"[A-Za-z0-9_.:,/@%+*()=\[\] -]{0,2000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendFacts:
    """What decides how a backend's servers are told to HAProxy."""

    backend: str
    options: Mapping[str, str] = field(default_factory=lambda: {"": ""})
    """The words after the id in a server's line, by the key that servers name; `""` for those whose key is unknown."""
    takes_servers: bool = True
    """Whether its balance algorithm lets servers come at run time."""
    dynamic_cookie: bool = False
    """Whether new servers need `enable dynamic-cookie`."""


def marker_line(facts: BackendFacts) -> str:
    """The line, without its end."""
    value = {"options": dict(facts.options), "takesServers": facts.takes_servers, "dynamicCookie": facts.dynamic_cookie}
    return f"{_MARKER}{facts.backend} {json.dumps(value, sort_keys=True, separators=(',', ':'))}"


def parse_marker(line: str) -> BackendFacts | None:
    """The facts in a line, None when it is another line; raises CorruptRecord when it is a marker of nonsense."""
    return _parsed(line) if line.startswith(_MARKER) else None


# The lines of a pool are read when a part comes, and again whenever files are made of it.
@lru_cache(maxsize=16384)
def _parsed(line: str) -> BackendFacts:
    backend, _, value = line.removeprefix(_MARKER).partition(" ")
    path = f"the marker of {backend:.80}"
    if not is_name(backend):
        raise CorruptRecord(path, "does not name a backend")
    record = load(value.encode(), path)
    options = record.mapping("options")
    for key in options.names():
        if not is_key(key) or not _OPTIONS.fullmatch(options.text(key)):
            raise CorruptRecord(f"{path}: options.{key:.80}", "is not what can be told to HAProxy at run time")
    return BackendFacts(
        backend=backend,
        options={key: options.text(key) for key in options.names()},
        takes_servers=record.boolean("takesServers"),
        dynamic_cookie=record.boolean("dynamicCookie"),
    )


def markers(text: str) -> Iterator[BackendFacts]:
    """The facts of all backends in a text, in its order."""
    for line in text.split("\n"):
        if (facts := parse_marker(line)) is not None:
            yield facts


def compose(text: str, lines_of: Callable[[BackendFacts], Iterator[str]]) -> str:
    """The text with the lines of its backends' servers below their markers."""
    result: list[str] = []
    # HAProxy ends lines at \n alone; str.splitlines() would also split inside comments and regexes.
    for line in text.split("\n"):
        result.append(line)
        if (facts := parse_marker(line)) is not None:
            result.extend(lines_of(facts))
    return "\n".join(result)
