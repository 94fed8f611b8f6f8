"""Key material of one instance: certificates with their keys, and whatever else its listeners read from files.

A room with a shelf for each source. Whoever has a source (the task's environment, a secret store, lbmgr's own
certificate) fills its shelf from any thread; lbmgr's thread alone decides when HAProxy reads what is new there, because
what is bad must not take the place of what serves. The directory belongs to the instance alone, outside of the sandbox,
whose files everybody may read who may look at the task; nothing of it is logged.

Knows names and bytes. Does not know what is in a file, nor where sources get it.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pool_executor.contract import FILE_NAME, SOURCES, SYSTEM
from pool_executor.lbmgr.disk import replace_file

#: Bytes that one file may have, and files that one source may bring.
MOST_BYTES, MOST_FILES = 256 * 1024, 1000
# What distributions trust fills that already.
_MOST_BYTES_OF_SYSTEM = 16 * MOST_BYTES
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    files: Mapping[str, bytes] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)


def file_problem(name: str, data: bytes, most: int = MOST_BYTES) -> str | None:
    """Why there is no room for a file, as the end of a sentence; None when there is."""
    if not FILE_NAME.fullmatch(name):
        return f"is not a name that a file may have ({FILE_NAME.pattern})"
    return f"has {len(data)} bytes; there is room for {most}" if len(data) > most else None


class Material:
    """The room of one instance, in a directory that is made with mode 0700; a file is named `<source>/<name>`.

    Sources are those of the contract.
    """

    def __init__(self, directory: Path, on_change: Callable[[], None] = lambda: None) -> None:
        self.directory = directory
        self._on_change = on_change
        self._lock = threading.Lock()
        self._shelves: dict[str, _Shelf] = {}
        for path in (directory, *(directory / source for source in SOURCES)):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)

    # -- from any thread

    def fill(self, source: str, files: Mapping[str, bytes], troubles: Mapping[str, str] = _NONE) -> None:
        """The source has these files now, by their names, and no others.

        `troubles` says in words, without any content, what is wrong with a file: why it is missing, or why the one that
        is given is the last one that could be had. Raises ValueError when something cannot be a file here.
        """
        self._put(source, files, troubles, first=False)

    def fill_first(self, source: str, files: Mapping[str, bytes], troubles: Mapping[str, str] = _NONE) -> None:
        """As `fill`, unless the source has files already: what came meanwhile is newer."""
        self._put(source, files, troubles, first=True)

    def _put(self, source: str, files: Mapping[str, bytes], troubles: Mapping[str, str], *, first: bool) -> None:
        if source not in SOURCES:
            raise ValueError(f"{source!r:.80} is no source of files; those are {', '.join(SOURCES)}")
        if len(files) > MOST_FILES:
            raise ValueError(f"{source} brings {len(files)} files; there is room for {MOST_FILES}")
        for name, data in files.items():
            if problem := file_problem(name, data, _MOST_BYTES_OF_SYSTEM if source == SYSTEM else MOST_BYTES):
                raise ValueError(f"{name!r:.80} of {source} {problem}")
        shelf = _Shelf(files=dict(files), troubles=dict(troubles))
        with self._lock:
            present = self._shelves.get(source, _Shelf())
            if present == shelf or (first and present.files):
                return
            self._shelves[source] = shelf
        self._on_change()

    def get(self, name: str) -> bytes | None:
        """The newest content of a file; None when its source does not have it."""
        source, _, file = name.partition("/")
        with self._lock:
            shelf = self._shelves.get(source)
        return shelf.files.get(file) if shelf is not None else None

    def trouble(self, name: str) -> str | None:
        """What its source says is wrong with a file."""
        source, _, file = name.partition("/")
        with self._lock:
            shelf = self._shelves.get(source)
        return shelf.troubles.get(file) if shelf is not None else None

    @property
    def names(self) -> frozenset[str]:
        """The files that there are in the sources."""
        with self._lock:
            return frozenset(f"{source}/{file}" for source, shelf in self._shelves.items() for file in shelf.files)

    # -- from lbmgr's thread: what HAProxy reads

    def path(self, name: str) -> Path:
        """Where a file stands for HAProxy."""
        return self.directory / name

    def read(self, name: str) -> bytes | None:
        """What HAProxy reads in a file; None when it is not there."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return None

    def place(self, name: str, data: bytes) -> None:
        """Let HAProxy read this; it has read the old or the new one at any moment. Raises OSError."""
        replace_file(self.path(name), data, sync=False, mode=0o600)

    def remove(self, name: str) -> None:
        """HAProxy shall not find it any more."""
        self.path(name).unlink(missing_ok=True)

    def placed(self) -> frozenset[str]:
        """The files that HAProxy can read."""
        return frozenset(
            f"{source}/{path.name}"
            for source in SOURCES
            for path in (self.directory / source).iterdir()
            if FILE_NAME.fullmatch(path.name)
        )
