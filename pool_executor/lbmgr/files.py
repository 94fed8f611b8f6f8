"""The configuration on disk: what HAProxy reads, and what a restarted lbmgr serves before ZooKeeper answers.

    haproxy.cfg              all files in one, for people
    haproxy.d/current        symbolic link: the version HAProxy reads at its next start or reload
    haproxy.d/good           symbolic link: the version that HAProxy was last seen to serve
    haproxy.d/<n>/           one version: *.cfg, maps/, head.json
    haproxy.state/           server-state files

A change of structure makes a new version, whose unchanged files are hard links, and `good` follows `current` only when
the new worker has answered. A change at run time replaces single files inside `good`, each atomically: only servers or
map entries differ, so that every mixture of old and new files is a valid configuration.

Knows nothing of HAProxy processes. Raises OSError when the disk is full or gone.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from pool_executor.bundle import INSTANCE_FILE, Head, Part, decode_head, encode_head
from pool_executor.lbmgr.content import Content, PartText
from sdk.errors import CorruptRecord

_log = structlog.get_logger()
_HEAD = "head.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A version found on disk: its head, and the texts as they stand in the files."""

    head: Head
    content: Content


class Files:
    """The files of one instance below its sandbox. One thread uses it."""

    def __init__(self, sandbox: Path) -> None:
        self._overview = sandbox / "haproxy.cfg"
        self._root = sandbox / "haproxy.d"
        self.state = sandbox / "haproxy.state"
        self.current = self._root / "current"
        self._good = self._root / "good"
        self.maps = self.current / "maps"
        self._root.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(exist_ok=True)

    def load(self) -> Stored | None:
        """The last good version, None when there is none that can be read; `current` leads to it afterwards."""
        try:
            target = self._good.readlink()
            head = decode_head((self._good / _HEAD).read_bytes())
            texts = {part.name: _read(self._good, part) for part in head.parts.values()}
            if not self.current.is_symlink() or self.current.readlink() != target:
                self._point(self.current, target.name)
        except FileNotFoundError:
            return None
        except (OSError, CorruptRecord, UnicodeDecodeError) as error:
            _log.warning("The configuration on disk cannot be used; waiting for ZooKeeper", error=str(error))
            return None
        return Stored(head=head, content=Content(parts=texts, ports=head.ports))

    def stage(self, head: Head, content: Content) -> Path:
        """Write a new version beside the good one and return its directory; a failure leaves nothing behind."""
        base = self._good.resolve() if self._good.is_symlink() else None
        numbers = [int(entry.name) for entry in self._root.iterdir() if entry.name.isdigit()]
        directory = self._root / str(max(numbers, default=0) + 1)
        try:
            (directory / "maps").mkdir(parents=True)
            for name, text in content.parts.items():
                path = _path(directory, text.part)
                if base is None or not _link(_path(base, text.part), path, text):
                    _write(path, text.text.encode())
                assert name == text.part.name
            _write(directory / _HEAD, encode_head(head))
            _sync_directory(directory / "maps")
            _sync_directory(directory)
        except OSError:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return directory

    def write_instance(self, directory: Path, text: str) -> Path:
        """Write `00-instance.cfg` of a version."""
        path = directory / INSTANCE_FILE
        _replace(path, text.encode())
        return path

    def instance_is(self, directory: Path, text: str) -> bool:
        """Whether `00-instance.cfg` of a version has this text already."""
        try:
            return (directory / INSTANCE_FILE).read_bytes() == text.encode()
        except OSError:
            return False

    def write_probe(self, directory: Path, text: str) -> Path:
        """Write what stands for `00-instance.cfg` in a check; HAProxy itself skips a file of this name."""
        path = directory / ".check"
        _replace(path, text.encode(), sync=False)
        return path

    def write_state(self, text: str) -> None:
        """Write the server states for the next worker."""
        _replace(self.state / "global", text.encode(), sync=False)

    def switch(self, directory: Path) -> None:
        """Let `current` lead to a version."""
        self._point(self.current, directory.name)

    def roll_back(self) -> None:
        """Let `current` lead to the good version again, and drop the others."""
        if self._good.is_symlink():
            self._point(self.current, self._good.readlink().name)
        self._drop_others()

    def commit(self) -> None:
        """Make the current version the good one, and drop the others."""
        self._point(self._good, self.current.readlink().name)
        self._drop_others()

    def update(self, head: Head, changed: Iterable[PartText]) -> None:
        """Bring single files of the good version, and its head, to what HAProxy was told at run time."""
        for text in changed:
            _replace(_path(self._good, text.part), text.text.encode())
        # Last: a crash in between leaves files that are newer than the head, and `load` believes the files.
        _replace(self._good / _HEAD, encode_head(head))

    def write_overview(self, instance: str, content: Content) -> None:
        """Write `haproxy.cfg`, all files in one, with the maps named at its end."""
        pieces = [f"# ---- {INSTANCE_FILE}\n{instance}"]
        for name in sorted(content.parts):
            text = content.parts[name]
            if text.part.kind == "config":
                pieces.append(f"# ---- {name}\n{text.text}")
        pieces += [
            f"# ---- map file: {self.maps / name}\n"
            for name in sorted(content.parts)
            if content.parts[name].part.kind == "map"
        ]
        _replace(self._overview, "\n".join(piece.rstrip("\n") + "\n" for piece in pieces).encode(), sync=False)

    def _point(self, link: Path, target: str) -> None:
        temporary = link.with_name(f".{link.name}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(link)
        _sync_directory(link.parent)

    def _drop_others(self) -> None:
        keep = {str(link.readlink()) for link in (self.current, self._good) if link.is_symlink()}
        for entry in self._root.iterdir():
            if entry.is_dir() and not entry.is_symlink() and entry.name not in keep:
                shutil.rmtree(entry, ignore_errors=True)


def changed_parts(before: Content, after: Content) -> list[PartText]:
    """The parts of `after` that `before` does not have in this form."""
    old: Mapping[str, PartText] = before.parts
    return [text for name, text in after.parts.items() if name not in old or old[name].part != text.part]


def _path(directory: Path, part: Part) -> Path:
    return directory / "maps" / part.name if part.kind == "map" else directory / part.name


def _read(directory: Path, part: Part) -> PartText:
    return PartText.of(part.name, part.kind, _path(directory, part).read_bytes().decode())


def _link(source: Path, target: Path, text: PartText) -> bool:
    """Hard-link `source` when it holds `text` already; a different size is told apart without reading."""
    try:
        if source.stat().st_size != text.part.size or source.read_bytes() != text.text.encode():
            return False
        os.link(source, target)
    except OSError:
        return False  # not there, or a file system without hard links: written instead
    return True


def _write(path: Path, data: bytes, *, sync: bool = True) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def _replace(path: Path, data: bytes, *, sync: bool = True) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        _write(temporary, data, sync=sync)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
