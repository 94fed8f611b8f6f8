"""The /files endpoints: the recorded requests to a real agent, to ours with the same files under the same names."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from yarl import URL

from sdk.local.files import MAX_READ, Files
from sdk.local.web import Server
from tests.conformance.agent.replay import lines
from tests.support.ports import free_port

Json = dict[str, Any]
_OUTPUT = b"executor starting\nlaunch web-1\n"
# What depends on who runs the test, and when.
_VARY = ("mtime", "uid", "gid", "mode")


def recorded() -> list[tuple[str, Json]]:
    """Path and answer of each request for files to the agent of recording 02."""
    found, waiting = [], None
    for line in lines("02"):
        if line["who"] == "http" and line["kind"] == "call":
            waiting = line if line["to"] == "agent1" and "/files/" in line["path"] else None
        elif line["who"] == "http" and line["kind"] == "response" and waiting is not None:
            found.append((waiting["path"], line))
            waiting = None
    return found


def sandbox() -> str:
    """The directory that the recording's requests are about."""
    body = next(
        line["body"] for path, line in recorded() if "/files/browse" in path and isinstance(line.get("body"), list)
    )
    return str(Path(body[0]["path"]).parent)


def ask(attached: dict[str, Path], paths: list[str]) -> list[tuple[int, str | None, bytes]]:
    """Status, content type and body of each request, from a server of our own."""

    async def run() -> list[tuple[int, str | None, bytes]]:
        port = free_port()
        server = Server(Files(lambda: attached).endpoints(), "/slave(1)")
        await server.start("127.0.0.1", port)
        try:
            async with ClientSession() as session:
                found = []
                for path in paths:
                    # As recorded: dots and escapes are not tidied up.
                    async with session.get(URL(f"http://127.0.0.1:{port}{path}", encoded=True)) as answer:
                        found.append((answer.status, answer.headers.get("Content-Type"), await answer.read()))
                return found
        finally:
            await server.stop()

    return asyncio.run(run())


def attach(directory: Path) -> dict[str, Path]:
    """The recorded sandbox's files, under its names."""
    for name, content in (("executor.py", b"#" * 6287), ("stdout", _OUTPUT), ("stderr", b"")):
        (directory / name).write_bytes(content)
    framework = sandbox().partition("/frameworks/")[2].partition("/")[0]
    return {sandbox(): directory, f"/frameworks/{framework}/executors/ex-1/runs/latest": directory,
            "/slave/log": directory / "stderr"}  # fmt: skip


def test_answers_as_recorded(tmp_path: Path) -> None:
    """Statuses, content types, texts, pieces of files and listings but for owners and times."""
    pairs = recorded()
    assert len(pairs) > 20
    for (path, line), (status, kind, body) in zip(
        pairs, ask(attach(tmp_path), [path for path, _ in pairs]), strict=True
    ):
        assert status == line["status"], path
        assert not body or kind == line["headers"].get("Content-Type"), path
        theirs: Any = line.get("body")
        if "/files/debug" in path:
            assert {name.rpartition("/")[2] for name in json.loads(body)} <= {Path(name).name for name in theirs}
        elif isinstance(theirs, list):
            mine = {item["path"]: item for item in json.loads(body)}
            for item in theirs:
                ours = mine[item["path"]]
                assert list(ours) == list(item)
                if not item["path"].endswith("stderr"):
                    assert all(ours[name] == item[name] for name in item if name not in _VARY), path
        elif theirs is not None and "stderr" not in path:
            assert json.loads(body) == theirs, path
        elif "jsonp" in path:
            assert body.startswith(b"cb([{")
            assert body.endswith(b"}])")
        elif "text" in line:
            assert body.decode() == line["text"], path
        elif status == 404:
            assert body == b"", path


def test_a_piece_is_at_most_sixteen_pages(tmp_path: Path) -> None:
    """Who asks for more, or for everything, gets so much; the rest with the next piece."""
    attached = attach(tmp_path)
    content = bytes(range(32, 127)) * 1000
    (tmp_path / "stdout").write_bytes(content)
    path = f"/files/read?path={sandbox()}/stdout&offset="
    whole, more, rest, end = ask(attached, [f"{path}0", f"{path}0&length=1000000", f"{path}{MAX_READ}", f"{path}-1"])
    assert json.loads(whole[2]) == json.loads(more[2]) == {"data": content[:MAX_READ].decode(), "offset": 0}
    assert json.loads(rest[2]) == {"data": content[MAX_READ:].decode(), "offset": MAX_READ}
    assert json.loads(end[2]) == {"data": "", "offset": len(content)}


def test_nothing_else_can_be_read(tmp_path: Path) -> None:
    """Neither by dots, nor by links that lead out, nor by names that only begin like an attached one."""
    directory = tmp_path / "sandbox"
    directory.mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "sandbox2").write_text("secret")
    (directory / "out").symlink_to(tmp_path / "secret")
    (directory / "loop").symlink_to(directory / "loop")
    os.mkfifo(directory / "pipe")
    names = ["/a/../secret", "/a/out", "/a/x/../../secret", "/a2", "/a%00b", "/a/loop", "/a/" + "x" * 5000]
    names += [str(tmp_path / "secret"), "a", "//"]
    for endpoint in ("read", "browse", "download"):
        paths = [f"/files/{endpoint}?path={name}" for name in names]
        for name, (status, _, body) in zip(names, ask({"/a": directory}, paths), strict=True):
            assert status in (400, 404), (endpoint, name)
            assert b"secret" not in body.replace(name.encode(), b"")
    for path in ("/files/read?path=/a/pipe&offset=0", "/files/download?path=/a/pipe"):
        assert ask({"/a": directory}, [path]) == [(400, "text/plain; charset=utf-8", b"'/a/pipe' is inaccessible.\n")]


def test_any_place_in_a_file(tmp_path: Path) -> None:
    """Beyond the end there is nothing, however far."""
    (tmp_path / "f").write_bytes(b"abc")
    paths = [f"/files/read?path=/a/f&offset={offset}&length={2**70}" for offset in (0, 3, 2**63, 2**70)]
    assert [json.loads(body)["data"] for _, _, body in ask({"/a": tmp_path}, paths)] == ["abc", "", "", ""]
