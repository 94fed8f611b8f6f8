"""The page of a master: our own, or a web UI of Mesos in a directory, whose files are served as a real master does.

Knows files only; everything that a page shows it asks from the endpoints. Nothing outside the directory is readable.
"""

from pathlib import Path

from aiohttp import web

from sdk.local.web import Handler, text

_OWN = Path(__file__).with_name("page.html")
OWN_DIRECTORY = _OWN.parent
# What the pages of Mesos' web UI load, next to index.html.
_FOLDERS = ("app", "assets")


class Pages:
    """The files of a page; without a directory there is our own one alone."""

    def __init__(self, directory: Path | None) -> None:
        """Raises ValueError for a directory without an index.html."""
        self._directory = directory.resolve() if directory is not None else None
        self._index = _OWN if self._directory is None else self._directory / "index.html"
        if not self._index.is_file():
            raise ValueError(f"--webui-dir {directory}: there is no index.html in it")

    def endpoints(self) -> dict[str, Handler]:
        """The files below the directory by their first folder; the page itself is `index`."""
        return {} if self._directory is None else {f"/{name}": self._file for name in _FOLDERS}

    def index(self) -> web.Response:
        """The page."""
        return web.Response(body=self._index.read_bytes(), content_type="text/html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        assert self._directory is not None
        name = request.path.removeprefix("/master").lstrip("/")
        folder, wanted = self._directory / name.partition("/")[0], (self._directory / name).resolve()
        if folder not in wanted.parents or not wanted.is_file():
            return text(404, "404 Not Found.")
        return web.FileResponse(wanted)
