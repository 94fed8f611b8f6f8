"""The structure on disk: what HAProxy reads, and what a restarted lbmgr serves before ZooKeeper answers.

    haproxy.cfg              all files in one, for people
    haproxy.d/current        symbolic link: the version HAProxy reads at its next start or reload
    haproxy.d/good           symbolic link: the version that HAProxy was last seen to serve
    haproxy.d/<n>/           one version: *.cfg with the lines of servers, maps/, certs/ with lists of certificates
    haproxy.d/<n>/structure/ what was published: head.json and the texts as they came, without servers
    haproxy.state/           server-state files

A change of structure makes a new version, whose unchanged texts are hard links, and `good` follows `current` only when
the new worker has answered. That is when the version has to outlive a crash of the machine: until then nobody waits for
the disk. An edit of maps replaces single files inside `good`. The *.cfg can be made anew from
`structure` and the servers at any time (journal.py), so nothing is lost with them.

Knows nothing of HAProxy processes. Raises OSError when the disk is full or gone.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import structlog

from pool_executor.contract import INSTANCE_FILE, KINDS, Part, Structure, decode_structure, encode_structure
from pool_executor.lbmgr.certificates import pem
from pool_executor.lbmgr.certificates.crt_list import crt_lists
from pool_executor.lbmgr.disk import holds, point, replace_file, sync_path, write_file
from pool_executor.lbmgr.structure.content import Content, PartText
from pool_executor.lbmgr.structure.instance import CERTS
from sdk.errors import CorruptRecord

_log = structlog.get_logger()
_HEAD = "head.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A version found on disk."""

    head: Structure
    content: Content


class Files:
    """The files of one instance below its sandbox; certificates are in `material`. One thread uses it."""

    def __init__(self, sandbox: Path, material: PurePath) -> None:
        self._material = material
        self.overview = sandbox / "haproxy.cfg"
        self._root = sandbox / "haproxy.d"
        self.state = sandbox / "haproxy.state"
        self.current = self._root / "current"
        self._good = self._root / "good"
        self.maps = self.current / KINDS["map"].directory
        self.endpoints = self._root / "endpoints"
        self._unsynced: list[Path] = []
        """What was written of the last staged version."""
        self._root.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(exist_ok=True)

    def load(self) -> Stored | None:
        """The last good version, None when there is none that can be read; `current` leads to it afterwards."""
        try:
            target = self._good.readlink()
            head = decode_structure((_published(self._good) / _HEAD).read_bytes())
            texts = {part.name: _read(self._good, part) for part in head.parts.values()}
            if not self.current.is_symlink() or self.current.readlink() != target:
                point(self.current, target.name, durable=False)
        except FileNotFoundError:
            return None
        except (OSError, CorruptRecord, UnicodeDecodeError) as error:
            _log.warning("The configuration on disk cannot be used; waiting for ZooKeeper", error=str(error))
            return None
        return Stored(head=head, content=Content(parts=texts))

    def stage(self, head: Structure, content: Content, read: Content) -> Path:
        """Write a new version beside the good one and return its directory; a failure leaves nothing behind.

        HAProxy reads what is in `read`; other listeners of `content` are kept for later. What has servers is not there
        yet (`fill`).
        """
        base = _published(self._good.resolve()) if self._good.is_symlink() else None
        numbers = [int(entry.name) for entry in self._root.iterdir() if entry.name.isdigit()]
        directory = self._root / str(max(numbers, default=0) + 1)
        self._unsynced = []
        try:
            _published(directory).mkdir(parents=True)
            for kind in KINDS.values():
                (directory / kind.directory).mkdir(exist_ok=True)
            for name, text in content.parts.items():
                path, data = _published(directory) / name, text.text.encode()
                if base is None or not _link(base / name, path, data):
                    self._write(path, data)
                if name in read.parts and not KINDS[text.part.kind].has_servers:
                    _write_read(directory, text.part, data)
            self._place_lists(directory, content)
            self._write(_published(directory) / _HEAD, encode_structure(head))
        except OSError:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return directory

    def _write(self, path: Path, data: bytes) -> None:
        write_file(path, data, sync=False)
        self._unsynced.append(path)

    def fill(self, directory: Path, read: Content, composed: Mapping[str, str]) -> None:
        """Write files that HAProxy reads of a version in which nobody reads yet: those of them that have servers."""
        for name, text in composed.items():
            part = read.parts[name].part
            if KINDS[part.kind].has_servers:
                _write_read(directory, part, text.encode())

    def compose(self, directory: Path, content: Content, composed: Mapping[str, str]) -> None:
        """Write what HAProxy reads of a version anew, where it differs; what `content` lacks it does not read."""
        for path in directory.glob("*.cfg"):
            if path.name not in content.parts and path.name != INSTANCE_FILE:
                path.unlink()
        for name, text in content.parts.items():
            place(directory, text.part, composed[name].encode())
        self._place_lists(directory, content)

    def _place_lists(self, directory: Path, content: Content) -> None:
        parts = (text.part for text in content.parts.values())
        for name, text in crt_lists(parts, self._material, self._names).items():
            path = directory / CERTS / name
            path.parent.mkdir(exist_ok=True)
            if not holds(path, text.encode()):
                replace_file(path, text.encode(), sync=False)

    def _names(self, file: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(pem.shown_for((Path(self._material) / file).read_bytes())))
        except FileNotFoundError:
            return ()

    def write_instance(self, directory: Path, text: str) -> Path:
        """Write `00-instance.cfg` of a version."""
        path = directory / INSTANCE_FILE
        replace_file(path, text.encode(), sync=False)
        return path

    def instance_is(self, directory: Path, text: str) -> bool:
        """Whether `00-instance.cfg` of a version has this text already."""
        return holds(directory / INSTANCE_FILE, text.encode())

    def write_probe(self, directory: Path, text: str) -> Path:
        """Write what stands for `00-instance.cfg` in a check."""
        return self._write_beside(directory, ".check", text)

    def write_specimen(self, directory: Path, text: str) -> Path:
        """Write what stands for all other files in a check."""
        return self._write_beside(directory, ".specimen", text)

    def _write_beside(self, directory: Path, name: str, text: str) -> Path:
        # HAProxy skips files whose name begins with a dot.
        path = directory / name
        replace_file(path, text.encode(), sync=False)
        return path

    def write_state(self, text: str) -> None:
        """Write the server states for the next worker."""
        replace_file(self.state / "global", text.encode(), sync=False)

    def switch(self, directory: Path) -> None:
        """Let `current` lead to a version."""
        point(self.current, directory.name, durable=False)

    def roll_back(self) -> None:
        """Let `current` lead to the good version again, and drop the others."""
        if self._good.is_symlink():
            point(self.current, self._good.readlink().name, durable=False)
        self._drop_others()

    def commit(self) -> None:
        """Make the current version the good one, when the disk has it, and drop the others."""
        for path in self._unsynced:
            sync_path(path)
        sync_path(_published(self.current))
        sync_path(self.current)
        self._unsynced = []
        point(self._good, self.current.readlink().name)
        self._drop_others()

    def update(self, head: Structure, changed: Iterable[PartText]) -> None:
        """Bring single files of the good version, and its head, to what HAProxy was told at run time."""
        for text in changed:
            data = text.text.encode()
            replace_file(_published(self._good) / text.part.name, data)
            place(self._good, text.part, data)
        # Last: a crash in between leaves files that are newer than the head, and `load` believes the files.
        replace_file(_published(self._good) / _HEAD, encode_structure(head))

    def write_overview(self, instance: str, composed: Mapping[str, str], content: Content) -> None:
        """Write `haproxy.cfg`, all files in one, with the maps named at its end."""
        pieces = [f"# ---- {INSTANCE_FILE}\n{instance}"]
        parts = [content.parts[name].part for name in sorted(content.parts)]
        pieces += [f"# ---- {part.name}\n{composed[part.name]}" for part in parts if part.kind == "config"]
        pieces += [
            f"# ---- {part.kind} file: {self.current / KINDS[part.kind].directory / part.name}\n"
            for part in parts
            if part.kind != "config"
        ]
        data = "\n".join(piece.rstrip("\n") + "\n" for piece in pieces).encode()
        replace_file(self.overview, data, sync=False)

    def _drop_others(self) -> None:
        keep = {str(link.readlink()) for link in (self.current, self._good) if link.is_symlink()}
        for entry in self._root.iterdir():
            if entry.name.isdigit() and entry.name not in keep:
                shutil.rmtree(entry, ignore_errors=True)


def place(directory: Path, part: Part, data: bytes) -> None:
    """Write one file where HAProxy reads it, unless it stands there."""
    kind = KINDS[part.kind]
    path = directory / kind.directory / part.name
    if not holds(path, data):
        replace_file(path, data, sync=False)
        path.chmod(kind.mode)


def _write_read(directory: Path, part: Part, data: bytes) -> None:
    kind = KINDS[part.kind]
    path = directory / kind.directory / part.name
    write_file(path, data, sync=False)
    path.chmod(kind.mode)


def changed_parts(before: Content, after: Content) -> list[PartText]:
    """The parts of `after` that `before` does not have in this form."""
    old: Mapping[str, PartText] = before.parts
    return [text for name, text in after.parts.items() if name not in old or old[name].part != text.part]


def _published(directory: Path) -> Path:
    return directory / "structure"


def _read(directory: Path, part: Part) -> PartText:
    text = (_published(directory) / part.name).read_bytes().decode()
    return PartText.made(part.name, part.kind, text, part.listener, part.needs)


def _link(source: Path, target: Path, data: bytes) -> bool:
    """Hard-link `source` when it holds `data` already."""
    try:
        if not holds(source, data):
            return False
        os.link(source, target)
    except OSError:
        return False  # not there, or a file system without hard links: written instead
    return True
