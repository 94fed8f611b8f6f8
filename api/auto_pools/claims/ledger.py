"""Since when applications have claimed something, and what of it they hold: what has to outlive a process. Pure.

Stored beside the pool, so that the next process gives everything to those who have it. Does not know where. It stands
in shards, so that a change of a few among many costs little: shards in which nothing changed stay the same objects.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple
from zlib import crc32

from api.auto_pools.claim import App
from sdk.errors import CorruptRecord

SHARDS = 64
MOST_BYTES = 12_000_000
"""Of all shards together, before they are packed: more than a hundred thousand applications with usual names."""

_SCHEMA = 1
_LATEST = 1e12


class Entry(NamedTuple):
    """Of one application."""

    since: float
    """In epoch seconds."""
    held: Mapping[str, int] = MappingProxyType({})
    """The rank of each of its claims that is in the pool, by digest."""


Shard = Mapping[App, Entry]
"""Nobody changes it."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Of all applications with a claim."""

    shards: tuple[Shard, ...]
    """Of each application the one that `shard_of` tells."""

    @classmethod
    def of(cls, entries: Mapping[App, Entry]) -> "Ledger":
        """That of these entries."""
        shards: list[dict[App, Entry]] = [{} for _ in range(SHARDS)]
        for app, entry in entries.items():
            shards[shard_of(app)][app] = entry
        return cls(tuple(shards))

    def __bool__(self) -> bool:
        return any(self.shards)

    def entry(self, app: App) -> "Entry | None":
        """Of one application."""
        return self.shards[shard_of(app)].get(app)

    def items(self) -> Iterator[tuple[App, Entry]]:
        """All entries, in whatever order."""
        return (item for shard in self.shards for item in shard.items())


EMPTY = Ledger.of({})


class Book:
    """A ledger while it is kept."""

    def __init__(self, ledger: Ledger) -> None:
        self._shards: list[Shard] = list(ledger.shards)
        self._changed: dict[int, dict[App, Entry]] = {}
        """Those that are not told to anybody yet."""
        self._bytes = sum(size_of(*item) for item in ledger.items())
        self._ledger = ledger

    def get(self, app: App) -> Entry | None:
        """What is known of an application."""
        number = shard_of(app)
        return self._changed.get(number, self._shards[number]).get(app)

    def put(self, app: App, entry: Entry | None) -> None:
        """What is known of it from now on; None: it is forgotten."""
        number = shard_of(app)
        shard = self._changed.get(number)
        before = (self._shards[number] if shard is None else shard).get(app)
        if before == entry:
            return
        if shard is None:
            shard = self._changed[number] = dict(self._shards[number])
        if before is not None:
            del shard[app]
            self._bytes -= size_of(app, before)
        if entry is not None:
            shard[app] = entry
            self._bytes += size_of(app, entry)

    @property
    def ledger(self) -> Ledger:
        """As it is now; the same object while nothing changed."""
        if self._changed:
            for number, shard in self._changed.items():
                self._shards[number] = shard
            self._changed = {}
            whole = Ledger(tuple(self._shards))
            self._ledger = whole if self._bytes <= MOST_BYTES else bounded(whole)
        return self._ledger


def bounded(ledger: Ledger, most: int = MOST_BYTES) -> Ledger:
    """Without those who came last, first of all of those who have nothing: whoever asks under many or long names shall
    not make it so long that it cannot be stored.
    """
    if sum(size_of(*item) for item in ledger.items()) <= most:
        return ledger
    kept: dict[App, Entry] = {}
    left = most
    for app, entry in sorted(ledger.items(), key=_rank):
        left -= size_of(app, entry)
        if left < 0:
            break
        kept[app] = entry
    return Ledger.of(kept)


def shard_of(app: App) -> int:
    """The same in every process."""
    named = f"{app.framework}\0{app.name}\0{app.container}\0{app.marathon:d}"
    return crc32(named.encode(errors="backslashreplace")) % SHARDS


def size_of(app: App, entry: Entry) -> int:
    """Bytes that it takes when it is stored, at most."""
    said = (app.framework, app.name, app.container)
    return 40 + 20 * len(entry.held) + sum(len(text) if text.isascii() else 3 * len(text) for text in said)


def _rank(item: tuple[App, Entry]) -> tuple[bool, float, App]:
    app, (since, held) = item
    return not held, min(held.values(), default=since), app


def encode_entries(entries: Iterable[tuple[App, Entry]]) -> str:
    """The stored form of some; the same for the same."""
    apps = [
        [app.framework, app.name, app.marathon, app.container, entry.since, dict(sorted(entry.held.items()))]
        for app, entry in sorted(entries)
    ]
    return json.dumps({"schema": _SCHEMA, "apps": apps}, separators=(",", ":"), ensure_ascii=False)


def decode_entries(text: str, path: str = "ledger") -> dict[App, Entry]:
    """The entries of the stored form; raises CorruptRecord that names `path`."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(path, f"is not JSON: {error}") from error
    return entries_of(record, path)


def entries_of(record: object, path: str) -> dict[App, Entry]:
    """The same where it is JSON already."""
    if not isinstance(record, dict) or not isinstance(record.get("apps"), list):
        raise CorruptRecord(path, "must be an object with a list `apps`")
    if record.get("schema") != _SCHEMA:
        raise CorruptRecord(path, f"has schema {record.get('schema')!r:.20}; this release knows {_SCHEMA}")
    return dict(_entry(item, f"{path}.apps[{at}]") for at, item in enumerate(record["apps"]))


def _entry(item: Any, path: str) -> tuple[App, Entry]:
    match item:
        case [str(framework), str(name), bool(marathon), str(container), int() | float() as since, dict(held)] if (
            0 <= since <= _LATEST and all(type(rank) is int and rank > 0 for rank in held.values())
        ):
            return App(framework, name, marathon, container), Entry(float(since), held)
        case _:
            raise CorruptRecord(path, "must be an application, since when it is known, and the ranks of its claims")
