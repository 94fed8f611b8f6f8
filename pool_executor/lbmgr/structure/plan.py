"""Which way leads from one content to the next, and why. Pure.

Knows what can be done at run time: entries of maps. Everything else is loaded anew. Servers are none of its business
(way.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pool_executor.contract import KINDS
from pool_executor.lbmgr.haproxy.orders import Command
from pool_executor.lbmgr.structure.content import Content, PartText
from pool_executor.lbmgr.structure.mapfile import edit, entries

_SECTIONS = frozenset({"global", "defaults", "frontend", "backend", "listen", "resolvers", "peers", "userlist"})
_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Noop:
    """HAProxy serves this content already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamic:
    """Send `commands` in order."""

    commands: tuple[Command, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """Load the files anew."""

    reason: str


Plan = Noop | Dynamic | Reload


def plan(running: Content | None, wanted: Content) -> Plan:
    """The way from `running` (None: no HAProxy yet) to `wanted`."""
    if running is None:
        return Reload(reason="first configuration")
    names = sorted(running.parts.keys() | wanted.parts.keys())
    changed = [name for name in names if _content(running, name) != _content(wanted, name)]
    if not changed:
        return Noop()
    before = {name: running.parts.get(name) for name in changed}
    after = {name: wanted.parts.get(name) for name in changed}
    structural = [name for name in changed if not _at_run_time(before[name], after[name])]
    if structural:
        told = [f"{name}: {_first_difference(before[name], after[name])}" for name in structural[:_MOST_TOLD]]
        more = [f"and {len(structural) - _MOST_TOLD} more"] if len(structural) > _MOST_TOLD else []
        return Reload(reason="; ".join([*told, *more]))
    edits = []
    for name in changed:
        old, new = _entries(before[name]), _entries(after[name])
        if old != new:  # else comments or blank lines
            edits.append(edit(name, old, new))
    return Dynamic(
        # Every map takes the first stage before any takes the second: see MapEdit.
        commands=(
            *(order for one in edits for order in one.first),
            *(order for one in edits for order in one.then),
            *(order for one in edits for order in one.last),
        ),
        reason=f"{len(edits)} map{'s' * (len(edits) != 1)} changed",
    )


def _content(content: Content, name: str) -> tuple[str, str] | None:
    found = content.parts.get(name)
    return None if found is None else (found.part.kind, found.part.sha256)


def _at_run_time(before: PartText | None, after: PartText | None) -> bool:
    return (
        before is not None
        and after is not None
        and before.part.kind == after.part.kind
        and KINDS[after.part.kind].at_run_time
    )


def _entries(text: PartText | None) -> list[str]:
    return entries(text.text) if text is not None else []


def _first_difference(before: PartText | None, after: PartText | None) -> str:
    old, new = _sections(before), _sections(after)
    for header in (*new, *old):
        if header not in old or header not in new:
            return f"{header} is {'new' if header in new else 'gone'}"
    changed = next((header for header in new if old[header] != new[header]), None)
    if changed is not None:
        return f"{changed} changed"
    return "the file changed" if before is not None and after is not None else "the file is new or gone"


def _sections(text: PartText | None) -> Mapping[str, list[str]]:
    """The lines of each section by `<keyword> <name>`; only for telling people what changed."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.text.split("\n") if text is not None and text.part.kind == "config" else ():
        words = line.split()
        if words and words[0] in _SECTIONS:
            lines = found.setdefault(" ".join(words[:2]), [])
        if (words and not words[0].startswith("#")) or line.startswith("    # servers of "):
            lines.append(line)
    return found
