"""The /files endpoints: listing, reading and downloading below attached directories, under their real and their virtual
names.

Knows no tasks; who attaches what is the agent's and the master's business. Nothing outside the attached directories is
readable.
"""

import base64
import contextlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from sdk.local.core.outputs import Answer
from sdk.local.core.wire import Json
from sdk.local.web import Handler, answer, text

MAX_READ = 16 * os.sysconf("SC_PAGE_SIZE")
"""A longer piece is cut, as in Mesos; who wants all asks again or downloads."""


class Unreadable(Exception):
    """What has that name cannot be read: nobody may, or it is neither a file nor a directory."""


def piece(file: Path, offset: int, length: int | None) -> tuple[int, bytes]:
    """The size of a file, and so many bytes from that offset on; Unreadable."""
    try:
        # Not waiting for a writer of a pipe, and not following a link that came in its place.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise Unreadable from error
    with os.fdopen(descriptor, "rb") as opened:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise Unreadable
        if offset >= info.st_size:
            return info.st_size, b""
        opened.seek(offset)
        return info.st_size, opened.read(min(MAX_READ, info.st_size if length is None else length))


def entries(directory: Path) -> list[tuple[Path, os.stat_result]]:
    """What is in a directory, by name, without what was removed meanwhile; Unreadable."""
    found = []
    try:
        for item in sorted(directory.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                found.append((item, item.lstat()))
    except OSError as error:
        raise Unreadable from error
    return found


class Files:
    """Attached names and the paths they stand for, asked anew for each request."""

    def __init__(self, attached: Callable[[], Mapping[str, Path]]) -> None:
        self._attached = attached

    def endpoints(self) -> dict[str, Handler]:
        """The endpoints by path."""
        return {
            "/files/browse": self.browse,
            "/files/read": self.read,
            "/files/download": self.download,
            "/files/debug": self.debug,
        }

    def find(self, name: str) -> Path | web.Response:
        """The file or directory of that name, or the answer that says why not."""
        return self._resolve(name)

    def _resolve(self, name: str) -> Path | web.Response:
        attached = self._attached()
        name = name.rstrip("/")
        prefix = name
        while prefix:
            if prefix in attached:
                root = attached[prefix].resolve()
                try:
                    real = Path(f"{root}{name[len(prefix) :]}").resolve()
                    if real != root and root not in real.parents:
                        return inaccessible(name)
                    return real if real.exists() else text(404)
                except (OSError, RuntimeError, ValueError):
                    # A name that is too long or no name at all, a loop of links.
                    return text(404)
            prefix = prefix.rpartition("/")[0]
        return text(404)

    def _asked(self, request: web.Request) -> tuple[str, Path | web.Response]:
        name = request.query.get("path", "")
        if not name:
            return name, text(400, "Expecting 'path=value' in query.\n")
        return name, self._resolve(name)

    async def browse(self, request: web.Request) -> web.StreamResponse:
        """The entries of a directory."""
        name, found = self._asked(request)
        if isinstance(found, web.Response):
            return found
        if not found.is_dir():
            return await answer(request, [])
        try:
            listed = entries(found)
        except Unreadable:
            return inaccessible(name)
        return await answer(request, [_entry(info, f"{name.rstrip('/')}/{item.name}") for item, info in listed])

    async def read(self, request: web.Request) -> web.StreamResponse:
        """A piece of a file; without an offset, where its end is."""
        name, found = self._asked(request)
        if isinstance(found, web.Response):
            return found
        numbers = {}
        for field in ("offset", "length"):
            given = request.query.get(field, "-1")
            try:
                numbers[field] = int(given)
            except ValueError:
                return text(400, f"Failed to parse {field}: Failed to convert '{given}' to number.\n")
            if numbers[field] < -1:
                return text(400, f"Negative {field} provided: {given}.\n")
        if found.is_dir():
            return text(400, "Cannot read a directory.\n")
        offset, length = numbers["offset"], numbers["length"]
        try:
            size, data = piece(found, max(0, offset), None if length == -1 else length)
        except Unreadable:
            return inaccessible(name)
        if offset == -1:
            return await answer(request, {"data": "", "offset": size})
        return await answer(request, {"data": data.decode(errors="replace"), "offset": offset})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A whole file."""
        name, found = self._asked(request)
        if isinstance(found, web.Response):
            return found if found.status == 400 else text(404, "404 Not Found.")
        if found.is_dir():
            return text(400, "Cannot download a directory.\n")
        if not found.is_file() or not os.access(found, os.R_OK):
            return inaccessible(name)
        headers = {
            "Content-Disposition": f"attachment; filename={quote(Path(name).name)}",
            "Content-Type": "application/octet-stream",
        }
        return web.FileResponse(found, headers=headers)

    def call(self, call: Json) -> Answer:
        """LIST_FILES and READ_FILE of the operator API."""
        kind = call["type"]
        asked = call[kind.lower()]
        found = self._resolve(asked["path"])
        if isinstance(found, web.Response):
            return Answer(status=found.status, text=found.text or "")
        try:
            if kind == "LIST_FILES":
                listed = entries(found) if found.is_dir() else []
                infos = [_file_info(info, f"{asked['path'].rstrip('/')}/{item.name}") for item, info in listed]
                return Answer(status=200, body={"type": kind, "list_files": {"file_infos": infos} if infos else {}})
            if found.is_dir():
                return Answer(status=400, text="Cannot read a directory.\n")
            size, data = piece(found, asked["offset"], asked.get("length"))
        except Unreadable:
            return Answer(status=400, text=f"'{asked['path']}' is inaccessible.\n")
        content = {"size": size, "data": base64.b64encode(data).decode()}
        return Answer(status=200, body={"type": kind, "read_file": content})

    async def debug(self, request: web.Request) -> web.StreamResponse:
        """What is attached."""
        return await answer(request, {name: str(path) for name, path in sorted(self._attached().items())})


def inaccessible(name: str) -> web.Response:
    """The answer about what is there and nobody gets to see."""
    return text(400, f"'{name}' is inaccessible.\n")


def _file_info(info: os.stat_result, name: str) -> dict[str, object]:
    return {
        "path": name,
        "nlink": info.st_nlink,
        "size": info.st_size,
        "mtime": {"nanoseconds": int(info.st_mtime) * 10**9},
        "mode": info.st_mode,
        "uid": _name("user", info.st_uid),
        "gid": _name("group", info.st_gid),
    }


def _entry(info: os.stat_result, name: str) -> dict[str, object]:
    return {
        "gid": _name("group", info.st_gid),
        "mode": stat.filemode(info.st_mode),
        "mtime": float(int(info.st_mtime)),
        "nlink": info.st_nlink,
        "path": name,
        "size": info.st_size,
        "uid": _name("user", info.st_uid),
    }


def _name(kind: str, number: int) -> str:
    import grp
    import pwd

    try:
        return grp.getgrgid(number).gr_name if kind == "group" else pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
