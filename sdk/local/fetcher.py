"""Bringing the URIs of a command into its sandbox: http(s), file and plain paths; extraction of archives; executable
bits.

Writes what it does to the sandbox's stderr, where people look for it. What a URI with `cache` brought is kept by its
address for the next task of this agent, without asking whether it changed there; as the real fetcher does. Nothing is
written outside the sandbox: neither by a name, nor through a link that is there, nor by a member of an archive.
"""

import contextlib
import hashlib
import http.client
import lzma
import os
import shutil
import tarfile
import threading
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlparse

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_PIECE = 256 * 1024


class FetchFailed(Exception):
    """A URI could not be brought into the sandbox; the message says which and why."""


class Cache:
    """Files by their URI in one directory, the least recently used ones removed above `limit` bytes."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._lock = threading.Lock()
        self._brought: dict[Path, threading.Lock] = {}
        self._users: dict[Path, int] = {}

    @contextlib.contextmanager
    def file(self, value: str, name: str, bring: Callable[[Path], None]) -> Iterator[Path]:
        """The cached file; `bring` makes it when it is not there. Two tasks at once bring it once; tasks with other
        URIs do not wait.
        """
        # The name stays visible at the end: what kind of archive it is depends on it.
        path = self._directory / f"{hashlib.sha256(value.encode()).hexdigest()[:32]}-{name[-100:]}"
        with self._lock:
            self._directory.mkdir(parents=True, exist_ok=True)
            brought = self._brought.setdefault(path, threading.Lock())
            self._users[path] = self._users.get(path, 0) + 1
        try:
            with brought:
                if path.exists():
                    os.utime(path)
                else:
                    self._bring(path, bring)
            yield path
        finally:
            with self._lock:
                self._users[path] -= 1
                if not self._users[path]:
                    del self._users[path], self._brought[path]

    def _bring(self, path: Path, bring: Callable[[Path], None]) -> None:
        partial = path.with_name(f"partial-{path.name}")
        try:
            bring(partial)
            with self._lock:
                partial.replace(path)
                self._shrink(path)
        finally:
            partial.unlink(missing_ok=True)

    def _shrink(self, keep: Path) -> None:
        files = sorted(
            (item for item in self._directory.iterdir() if item != keep and not item.name.startswith("partial-")),
            key=lambda item: item.stat().st_mtime,
        )
        total = keep.stat().st_size + sum(item.stat().st_size for item in files)
        for oldest in files:
            if total <= self._limit:
                return
            if oldest not in self._users:
                total -= oldest.stat().st_size
                oldest.unlink()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only; urllib would follow one to ftp too."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The request for the new address."""
        if urlparse(newurl).scheme not in ("http", "https"):
            raise FetchFailed(f"'{req.full_url}' redirects to '{newurl}', which is neither http nor https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Fetcher:
    """Brings URIs into one sandbox. `stall_timeout` is how long a server may say nothing; `abandoned` is asked between
    pieces whether anybody still wants the rest.
    """

    def __init__(
        self,
        sandbox: Path,
        log: Callable[[str], None],
        cache: Cache | None = None,
        stall_timeout: float = 60.0,
        abandoned: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sandbox = sandbox
        self._root = sandbox.resolve()
        self._log = log
        self._cache = cache
        self._stall_timeout = stall_timeout
        self._abandoned = abandoned
        # https is checked against the trust store of the system.
        self._open = urllib.request.build_opener(_Redirects).open

    def fetch(self, uris: list[dict[str, Any]]) -> None:
        """Fetch all URIs of a CommandInfo, in order; FetchFailed at the first that cannot be had."""
        for uri in uris:
            value: str = uri["value"]
            try:
                self._fetch(uri, value)
            except urllib.error.HTTPError as error:
                raise FetchFailed(f"Failed to fetch '{value}': HTTP {error.code} {error.reason}") from error
            except TimeoutError as error:
                raise FetchFailed(
                    f"Failed to fetch '{value}': the server said nothing for {self._stall_timeout:g} s"
                ) from error
            except urllib.error.URLError as error:
                stalled = isinstance(error.reason, TimeoutError)
                why = f"the server said nothing for {self._stall_timeout:g} s" if stalled else error.reason
                raise FetchFailed(f"Failed to fetch '{value}': {why}") from error
            except (OSError, ValueError, RuntimeError, http.client.HTTPException) as error:
                # RuntimeError is what pathlib makes of links that point to each other.
                raise FetchFailed(f"Failed to fetch '{value}': {str(error) or repr(error)}") from error

    def _fetch(self, uri: dict[str, Any], value: str) -> None:
        name = uri.get("output_file") or unquote(Path(urlparse(value).path).name)
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise FetchFailed(f"'{value}' does not name a file inside the sandbox")
        target = self._sandbox / name
        self._require_inside(target, f"'{value}' with the output file '{name}'")
        target.parent.mkdir(parents=True, exist_ok=True)
        self._log(f"Fetching URI '{value}'")
        if self._cache is not None and uri.get("cache"):
            with self._cache.file(value, target.name, lambda path: self._bring(value, path)) as cached:
                shutil.copy(cached, target)
        else:
            self._bring(value, target)
        if uri.get("executable"):
            target.chmod(0o755)
        elif uri.get("extract", True):
            self._extract(target, value)
        self._log(f"Fetched '{value}' to '{target}'")

    def _require_inside(self, path: Path, what: str) -> None:
        """Links on the way are followed before it is judged."""
        found = path.resolve()
        if found != self._root and self._root not in found.parents:
            raise FetchFailed(f"{what} would leave the sandbox")

    def _bring(self, value: str, target: Path) -> None:
        parsed = urlparse(value)
        if parsed.scheme in ("http", "https"):
            with self._open(value, timeout=self._stall_timeout) as source, target.open("wb") as file:
                size = self._copy(source, file, value)
                wanted = source.headers.get("Content-Length")
                # The library takes the end of the connection for the end of the body.
                if wanted is not None and wanted.isdigit() and size < int(wanted):
                    raise FetchFailed(f"Failed to fetch '{value}': the connection ended after {size} of {wanted} bytes")
        elif parsed.scheme in ("", "file"):
            source_path = Path(unquote(parsed.path))
            if source_path.is_dir():
                raise FetchFailed(f"'{value}' is a directory")
            if source_path.exists() and not source_path.is_file():
                raise FetchFailed(f"'{value}' is no regular file")
            with source_path.open("rb") as source, target.open("wb") as file:
                self._copy(source, file, value)
            shutil.copymode(source_path, target)
        else:
            raise FetchFailed(f"'{value}' has the scheme '{parsed.scheme}'; http, https and file are known")

    def _copy(self, source: IO[bytes], file: IO[bytes], value: str) -> int:
        size = 0
        while piece := source.read(_PIECE):
            self._go_on(value)
            file.write(piece)
            size += len(piece)
        return size

    def _go_on(self, value: str) -> None:
        if self._abandoned():
            raise FetchFailed(f"'{value}' is no longer wanted")

    def _extract(self, archive: Path, value: str) -> None:
        name = archive.name.lower()
        try:
            if name.endswith(_TAR):
                with tarfile.open(archive) as tar:
                    for member in tar:
                        self._go_on(value)
                        self._extract_from_tar(tar, member)
                    # tarfile stops at the end mark; only the end of the file tells whether the checksum is right.
                    while tar.fileobj is not None and tar.fileobj.read(_PIECE):
                        self._go_on(value)
            elif name.endswith(".zip"):
                with zipfile.ZipFile(archive) as zipped:
                    for item in zipped.infolist():
                        self._go_on(value)
                        self._extract_from_zip(zipped, item)
            else:
                self._log(
                    "Copying instead of extracting resource from URI with 'extract' flag, because it does not seem to "
                    f"be an archive: {value}"
                )
        # The decompressors raise what they like on bad data; RuntimeError is an encrypted zip.
        except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, zlib.error,
                lzma.LZMAError) as error:  # fmt: skip
            raise FetchFailed(f"Failed to extract '{value}': {error}") from error

    def _extract_from_tar(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Extract one member, or refuse what would leave the sandbox.

        tarfile's own filters came with Python 3.11.4, Debian 12 has 3.11.2. Each member is resolved when its turn
        comes, so that a link made by an earlier one is followed before it is judged.
        """
        what = f"The archive's member '{member.name}'"
        target = self._root / member.name
        self._require_inside(target, what)
        if member.issym():
            self._require_inside(target.resolve().parent / member.linkname, what)
        elif member.islnk():
            self._require_inside(self._root / member.linkname, what)
        if member.isfile() or member.isdir() or member.issym() or member.islnk():
            tar.extract(member, self._root)

    def _extract_from_zip(self, zipped: zipfile.ZipFile, item: zipfile.ZipInfo) -> None:
        """zipfile drops `..` and leading slashes itself; as with tar they are refused instead."""
        what = f"The archive's member '{item.filename}'"
        if item.filename.startswith("/") or ".." in Path(item.filename).parts:
            raise FetchFailed(f"{what} would leave the sandbox")
        self._require_inside(self._root / item.filename, what)
        zipped.extract(item, self._root)
        mode = item.external_attr >> 16 & 0o777
        if mode and not item.is_dir():
            (self._root / item.filename).chmod(mode)
