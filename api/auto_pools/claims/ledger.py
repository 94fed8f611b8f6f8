"""Since when applications have claimed something, and what of it they hold: what has to outlive a process. Pure.

Stored beside the pool, so that the next process gives everything to those who have it. Does not know where.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from api.auto_pools.claim import App
from sdk.errors import CorruptRecord

_SCHEMA = 1
_MOST_WAITING = 5_000


class Entry(NamedTuple):
    """Of one application."""

    since: float
    """In epoch seconds."""
    held: Mapping[str, int] = MappingProxyType({})
    """The rank of each of its claims that is in the pool, by digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Of all applications with a claim, in whatever order."""

    entries: Mapping[App, Entry] = field(default_factory=dict)

    def bounded(self) -> "Ledger":
        """Without those who have nothing and came last: whoever asks in vain under many names shall not make it so long
        that it cannot be stored.
        """
        waiting = [app for app, entry in self.entries.items() if not entry.held]
        if len(waiting) <= _MOST_WAITING:
            return self
        waiting.sort(key=lambda app: (self.entries[app].since, app))
        late = set(waiting[_MOST_WAITING:])
        return Ledger(entries={app: entry for app, entry in self.entries.items() if app not in late})


EMPTY = Ledger()


def encode_ledger(ledger: Ledger) -> str:
    """The stored form; the same for equal ledgers."""
    apps = [
        [app.framework, app.name, app.marathon, app.container, entry.since, dict(sorted(entry.held.items()))]
        for app, entry in sorted(ledger.entries.items())
    ]
    return json.dumps({"schema": _SCHEMA, "apps": apps}, separators=(",", ":"), ensure_ascii=False)


def decode_ledger(text: str, path: str = "ledger") -> Ledger:
    """The ledger of the stored form; raises CorruptRecord that names `path`."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(path, f"is not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("apps"), list):
        raise CorruptRecord(path, "must be an object with a list `apps`")
    if record.get("schema") != _SCHEMA:
        raise CorruptRecord(path, f"has schema {record.get('schema')!r:.20}; this release knows {_SCHEMA}")
    return Ledger(entries=dict(_entry(item, f"{path}.apps[{at}]") for at, item in enumerate(record["apps"])))


def _entry(item: Any, path: str) -> tuple[App, Entry]:
    match item:
        case [str(framework), str(name), bool(marathon), str(container), int() | float() as since, dict(held)] if all(
            type(rank) is int and rank > 0 for rank in held.values()
        ):
            return App(framework, name, marathon, container), Entry(float(since), held)
        case _:
            raise CorruptRecord(path, "must be an application, since when it is known, and the ranks of its claims")
