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
_LATEST = 1e12
#: One write in ZooKeeper takes a bit more.
_MOST_BYTES = 900_000
#: However long their names are, and however much they hold.
_SURELY_FIT = 150


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
        """Without those who came last, first of all of those who have nothing: whoever asks under many or long names
        shall not make it so long that it cannot be stored.
        """
        if len(self.entries) <= _SURELY_FIT or sum(_size(*item) for item in self.entries.items()) <= _MOST_BYTES:
            return self
        kept: dict[App, Entry] = {}
        left = _MOST_BYTES
        for app, entry in sorted(self.entries.items(), key=_rank):
            left -= _size(app, entry)
            if left < 0:
                break
            kept[app] = entry
        return Ledger(entries=kept)


def _rank(item: tuple[App, Entry]) -> tuple[bool, float, App]:
    app, (since, held) = item
    return not held, min(held.values(), default=since), app


def _size(app: App, entry: Entry) -> int:
    """Bytes that it takes when it is packed, at most."""
    said = (app.framework, app.name, app.container)
    return 20 + 10 * len(entry.held) + sum(len(text) if text.isascii() else 3 * len(text) for text in said)


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
        case [str(framework), str(name), bool(marathon), str(container), int() | float() as since, dict(held)] if (
            0 <= since <= _LATEST and all(type(rank) is int and rank > 0 for rank in held.values())
        ):
            return App(framework, name, marathon, container), Entry(float(since), held)
        case _:
            raise CorruptRecord(path, "must be an application, since when it is known, and the ranks of its claims")
