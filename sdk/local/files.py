"""The /files endpoints: listing, reading and downloading below attached directories, under their real and their virtual
names.

Knows no tasks; who attaches what is the agent's and the master's business. Nothing outside the attached directories is
readable.
"""

import base64
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
                wanted = Path(f"{root}{name[len(prefix) :]}")
                real = wanted.resolve()
                if real != root and root not in real.parents:
                    return text(400, f"'{name}' is inaccessible.\n")
                return real if real.exists() else text(404)
            prefix = prefix.rpartition("/")[0]
        return text(404)

    def _asked(self, request: web.Request) -> tuple[str, Path | web.Response]:
        name = request.query.get("path", "")
        if not name:
            return name, text(400, "Expecting 'path=value' in query.\n")
        return name, self._resolve(name)

    async def browse(self, request: web.Request) -> web.Response:
        """The entries of a directory."""
        name, found = self._asked(request)
        if isinstance(found, web.Response):
            return found
        if not found.is_dir():
            return answer(request, [])
        return answer(request, [_entry(item, f"{name.rstrip('/')}/{item.name}") for item in sorted(found.iterdir())])

    async def read(self, request: web.Request) -> web.Response:
        """A piece of a file; without an offset, where its end is."""
        _, found = self._asked(request)
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
        size = found.stat().st_size
        offset, length = numbers["offset"], numbers["length"]
        if offset == -1:
            return answer(request, {"data": "", "offset": size})
        if length == -1:
            length = max(0, size - offset)
        with found.open("rb") as file:
            file.seek(offset)
            data = file.read(min(length, MAX_READ))
        return answer(request, {"data": data.decode(errors="replace"), "offset": offset})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A whole file."""
        name, found = self._asked(request)
        if isinstance(found, web.Response):
            return found if found.status == 400 else text(404, "404 Not Found.")
        if found.is_dir():
            return text(400, "Cannot download a directory.\n")
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
        if kind == "LIST_FILES":
            if not found.is_dir():
                return Answer(status=200, body={"type": kind, "list_files": {}})
            infos = [_file_info(item, f"{asked['path'].rstrip('/')}/{item.name}") for item in sorted(found.iterdir())]
            return Answer(status=200, body={"type": kind, "list_files": {"file_infos": infos} if infos else {}})
        if found.is_dir():
            return Answer(status=400, text="Cannot read a directory.\n")
        size = found.stat().st_size
        with found.open("rb") as file:
            file.seek(asked["offset"])
            data = file.read(min(asked.get("length", MAX_READ), MAX_READ))
        content = {"size": size, "data": base64.b64encode(data).decode()}
        return Answer(status=200, body={"type": kind, "read_file": content})

    async def debug(self, request: web.Request) -> web.Response:
        """What is attached."""
        return answer(request, {name: str(path) for name, path in sorted(self._attached().items())})


def _file_info(path: Path, name: str) -> dict[str, object]:
    info = path.lstat()
    return {
        "path": name,
        "nlink": info.st_nlink,
        "size": info.st_size,
        "mtime": {"nanoseconds": int(info.st_mtime) * 10**9},
        "mode": info.st_mode,
        "uid": _name("passwd", info.st_uid),
        "gid": _name("group", info.st_gid),
    }


def _entry(path: Path, name: str) -> dict[str, object]:
    info = path.lstat()
    return {
        "gid": _name("group", info.st_gid),
        "mode": stat.filemode(info.st_mode),
        "mtime": float(int(info.st_mtime)),
        "nlink": info.st_nlink,
        "path": name,
        "size": info.st_size,
        "uid": _name("user", info.st_uid),
    }


def owner_names(info: os.stat_result) -> tuple[str, str]:
    """Names of the user and the group that own a file."""
    return _name("user", info.st_uid), _name("group", info.st_gid)


def _name(kind: str, number: int) -> str:
    import grp
    import pwd

    try:
        return grp.getgrgid(number).gr_name if kind == "group" else pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
