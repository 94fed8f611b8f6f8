"""Bringing the URIs of a command into its sandbox: http(s), file and plain paths; extraction of archives; executable
bits.

Writes what it does to the sandbox's stderr, where people look for it. What a URI with `cache` brought is kept by its
address for the next task of this agent, without asking whether it changed there; as the real fetcher does.
"""

import hashlib
import os
import shutil
import tarfile
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_TIMEOUT = 60.0


class FetchFailed(Exception):
    """A URI could not be brought into the sandbox; the message says which and why."""


class Cache:
    """Files by their URI in one directory, the least recently used ones removed above `limit` bytes."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._lock = threading.Lock()

    def file(self, value: str, name: str, bring: Callable[[Path], None]) -> Path:
        """The cached file; `bring` makes it when it is not there."""
        with self._lock:
            self._directory.mkdir(parents=True, exist_ok=True)
            # The name stays visible at the end: what kind of archive it is depends on it.
            path = self._directory / f"{hashlib.sha256(value.encode()).hexdigest()[:32]}-{name}"
            if not path.exists():
                partial = path.with_name(f"partial-{path.name}")
                bring(partial)
                partial.replace(path)
                self._shrink(path)
            else:
                os.utime(path)
            return path

    def _shrink(self, keep: Path) -> None:
        files = sorted(
            (item for item in self._directory.iterdir() if item != keep), key=lambda item: item.stat().st_mtime
        )
        total = keep.stat().st_size + sum(item.stat().st_size for item in files)
        while total > self._limit and files:
            oldest = files.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink()


def fetch(uris: list[dict[str, Any]], sandbox: Path, log: Callable[[str], None], cache: Cache | None = None) -> None:
    """Fetch all URIs of a CommandInfo, in order."""
    for uri in uris:
        _fetch(uri, sandbox, log, cache)


def _fetch(uri: dict[str, Any], sandbox: Path, log: Callable[[str], None], cache: Cache | None) -> None:
    value: str = uri["value"]
    parsed = urlparse(value)
    name = uri.get("output_file") or unquote(Path(parsed.path).name)
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise FetchFailed(f"'{value}' does not name a file inside the sandbox")
    target = sandbox / name
    target.parent.mkdir(parents=True, exist_ok=True)
    log(f"Fetching URI '{value}'")
    try:
        if cache is not None and uri.get("cache"):
            shutil.copy(cache.file(value, target.name, lambda path: _bring(value, path)), target)
        else:
            _bring(value, target)
    except urllib.error.HTTPError as error:
        raise FetchFailed(f"Failed to fetch '{value}': HTTP {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        raise FetchFailed(f"Failed to fetch '{value}': {error}") from error
    if uri.get("executable"):
        target.chmod(0o755)
    elif uri.get("extract", True):
        _extract(target, sandbox, value, log)
    log(f"Fetched '{value}' to '{target}'")


def _bring(value: str, target: Path) -> None:
    parsed = urlparse(value)
    if parsed.scheme in ("http", "https"):
        with urllib.request.urlopen(value, timeout=_TIMEOUT) as source, target.open("wb") as file:  # noqa: S310 - the scheme is checked
            shutil.copyfileobj(source, file)
    elif parsed.scheme in ("", "file"):
        source_path = Path(unquote(parsed.path))
        if source_path.is_dir():
            raise FetchFailed(f"'{value}' is a directory")
        shutil.copy(source_path, target)
    else:
        raise FetchFailed(f"'{value}' has the scheme '{parsed.scheme}'; http, https and file are known")


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, sandbox: Path) -> None:
    """Extract one member, or refuse what would leave the sandbox.

    tarfile's own filters came with Python 3.11.4, Debian 12 has 3.11.2. Each member is resolved when its turn comes, so
    that a link made by an earlier one is followed before it is judged.
    """
    root = sandbox.resolve()
    target = (root / member.name).resolve()
    if member.issym():
        linked = (target.parent / member.linkname).resolve()
    elif member.islnk():
        linked = (root / member.linkname).resolve()
    else:
        linked = root
    for path in (target, linked):
        if path != root and root not in path.parents:
            raise FetchFailed(f"The archive's member '{member.name}' would leave the sandbox")
    if member.isfile() or member.isdir() or member.issym() or member.islnk():
        tar.extract(member, root)


def _extract(archive: Path, sandbox: Path, value: str, log: Callable[[str], None]) -> None:
    name = archive.name.lower()
    try:
        if name.endswith(_TAR):
            with tarfile.open(archive) as tar:
                for member in tar:
                    _extract_member(tar, member, sandbox)
        elif name.endswith(".zip"):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(sandbox)  # noqa: S202 - zipfile drops absolute paths and `..` itself
                for item in zipped.infolist():
                    mode = item.external_attr >> 16 & 0o777
                    if mode and not item.is_dir():
                        (sandbox / item.filename).chmod(mode)
        else:
            log(
                "Copying instead of extracting resource from URI with 'extract' flag, because it does not seem to be "
                f"an archive: {value}"
            )
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise FetchFailed(f"Failed to extract '{value}': {error}") from error
