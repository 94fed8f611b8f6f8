"""The fetcher with real servers and archives: what cannot be fetched ends the launch with a sentence, and in time."""

import http.server
import io
import os
import ssl
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.sdk_local.agent_process import AgentProcess, Json, Master, Silent, self_signed, task
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def tarred(*members: tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    """An archive of these members; files hold `content`."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as tar:  # type: ignore[call-overload]
        for member in members:
            if member.isfile():
                member.size = 7
                tar.addfile(member, io.BytesIO(b"content"))
            else:
                tar.addfile(member)
    return data.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """A link in an archive."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def zipped(*names: str) -> bytes:
    """A zip of files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name in names:
            file.writestr(name, "content")
    return data.getvalue()


FILES: dict[str, bytes] = {
    "/plain.txt": b"plain",
    "/good.tgz": tarred(tarfile.TarInfo("in/file")),
    "/cut.tgz": tarred(tarfile.TarInfo("in/file"))[:-12],
    "/garbage.tar.xz": b"no archive at all",
    "/garbage.zip": b"no archive at all",
    "/parent.tgz": tarred(tarfile.TarInfo("../escaped")),
    "/absolute.tgz": tarred(tarfile.TarInfo("/tmp/escaped-of-test")),
    "/link.tgz": tarred(link("out", "/tmp"), tarfile.TarInfo("out/escaped-of-test")),
    "/relative.tgz": tarred(link("in/out", "../../.."), tarfile.TarInfo("in/out/escaped")),
    "/hard.tgz": tarred(link("passwd", "../../../../../../../../etc/passwd", tarfile.LNKTYPE)),
    "/parent.zip": zipped("../escaped"),
    "/absolute.zip": zipped("/tmp/escaped-of-test"),
    "/short": b"x" * 10,
}
REDIRECTS = {
    "/moved": "/plain.txt",
    "/away": "ftp://127.0.0.1/file",
    "/secret": "file:///etc/passwd",
    "/round": "/round",
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves FILES, follows orders in the path."""

    asked: list[str]
    gate: threading.Event

    def do_GET(self) -> None:
        """One file."""
        self.asked.append(self.path)
        if self.path in REDIRECTS:
            self.send_response(302)
            self.send_header("Location", REDIRECTS[self.path])
            self.end_headers()
            return
        if self.path == "/trickle":
            self.send_response(200)
            self.end_headers()
            while not self.gate.wait(0.05):
                self.wfile.write(b"x")
            return
        if self.path == "/gated":
            self.gate.wait(30)
        body = FILES.get(self.path, b"gated" if self.path == "/gated" else None)
        if body is None:
            self.send_error(404, "Not Found")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (90 if self.path == "/short" else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of the server."""
    Handler.asked, Handler.gate = [], threading.Event()
    with Silent(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        Handler.gate.set()
        found.shutdown()
        thread.join()


@pytest.fixture(params=["command task", "task of a group"])
def launch(request: pytest.FixtureRequest, master: Master) -> Callable[[str, list[Json], str], None]:
    """Launches a task with URIs, fetched by the agent or by the default executor."""

    def run(name: str, uris: list[Json], command: str) -> None:
        content = {"value": command, "uris": uris}
        if request.param == "command task":
            master.run(name, content)
        else:
            master.run_group({"type": "DEFAULT", "executor_id": {"value": f"d-{name}"}}, task(name, content))

    return run


def failed(master: Master, name: str) -> str:
    """The message of a launch that failed in fetching."""
    status = master.wait_for(name, "TASK_FAILED")
    assert status["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
    assert "Failed to fetch all URIs for container" in status["message"]
    assert "TASK_RUNNING" not in master.states(name)
    return str(status["message"])


def test_what_cannot_be_fetched_fails_the_launch(
    master: Master, agent: AgentProcess, server: str, tmp_path: Path, launch: Callable[[str, list[Json], str], None]
) -> None:
    """One sentence for each way to fail; nothing is written outside the sandbox."""
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    agent.start()
    expected = {
        f"{server}/nothing": "HTTP 404 Not Found",
        f"{server}/away": "neither http nor https",
        f"{server}/secret": "is not allowed",
        f"{server}/round": "redirect error that would lead to an infinite loop",
        f"{server}/short": "the connection ended after 10 of 100 bytes",
        f"{server}/cut.tgz": "Failed to extract",
        f"{server}/garbage.tar.xz": "Failed to extract",
        f"{server}/garbage.zip": "Failed to extract",
        f"{server}/parent.tgz": "'../escaped' would leave the sandbox",
        f"{server}/absolute.tgz": "would leave the sandbox",
        f"{server}/link.tgz": "'out' would leave the sandbox",
        f"{server}/relative.tgz": "'in/out' would leave the sandbox",
        f"{server}/hard.tgz": "'passwd' would leave the sandbox",
        f"{server}/parent.zip": "'../escaped' would leave the sandbox",
        f"{server}/absolute.zip": "would leave the sandbox",
        f"file://{tmp_path}/directory": "is a directory",
        f"file://{tmp_path}/fifo": "is no regular file",
        f"file://{tmp_path}/nothing": "No such file or directory",
        "hdfs://somewhere/file": "the scheme 'hdfs'",
        "http://127.0.0.1:1/file": "Connection refused",
        "http://[bad/file": "Invalid IPv6 URL",
        "http://127.0.0.1/": "does not name a file inside the sandbox",
    }
    for number, uri in enumerate(expected):
        launch(f"t{number}", [{"value": uri}], "true")
    for number, (uri, sentence) in enumerate(expected.items()):
        message = failed(master, f"t{number}")
        assert sentence in message, uri
        assert uri in message or "would leave the sandbox" in sentence or sentence.startswith("'"), uri
    assert not list(agent.work_dir.rglob("escaped*"))
    assert not Path("/tmp/escaped-of-test").exists()


def test_what_can_be_fetched_is_there(
    master: Master, agent: AgentProcess, server: str, launch: Callable[[str, list[Json], str], None]
) -> None:
    """Redirects, archives, executables and names of one's own."""
    agent.start()
    uris: list[Json] = [
        {"value": f"{server}/moved", "output_file": "sub/copy.txt"},
        {"value": f"{server}/good.tgz"},
        {"value": f"{server}/plain.txt", "executable": True},
    ]
    launch("t1", uris, "grep -q plain sub/copy.txt && grep -q content in/file && test -x plain.txt && test -e good.tgz")
    master.wait_for("t1", "TASK_FINISHED")


def test_a_server_that_stalls_is_given_up(
    master: Master, agent: AgentProcess, server: str, launch: Callable[[str, list[Json], str], None]
) -> None:
    """After the stall timeout; other tasks start meanwhile, however many wait."""
    agent.start("--fetcher-stall-timeout", "3")
    for number in range(12):
        launch(f"t{number}", [{"value": f"{server}/gated"}], "true")
    master.run("other", "true")
    master.wait_for("other", "TASK_FINISHED")
    for number in range(12):
        assert "said nothing for 3 s" in failed(master, f"t{number}")


def test_a_server_that_never_ends_is_given_up(master: Master, agent: AgentProcess, server: str) -> None:
    """A trickle is no stall; the executor's registration timeout counts from the launch."""
    agent.start("--executor-registration-timeout", "2")
    master.run("t1", {"value": "true", "uris": [{"value": f"{server}/trickle"}]})
    status = master.wait_for("t1", "TASK_FAILED")
    assert status["reason"] == "REASON_EXECUTOR_REGISTRATION_TIMEOUT"


def test_a_task_is_killed_while_it_is_fetched(
    master: Master, agent: AgentProcess, server: str, launch: Callable[[str, list[Json], str], None]
) -> None:
    """KILL does not wait for the server."""
    agent.start()
    launch("t1", [{"value": f"{server}/gated"}], "true")
    wait_until(lambda: "/gated" in Handler.asked, 20, "the request")
    master.say({"type": "KILL_TASK", "framework_id": {"value": "F"}, "task_id": {"value": "t1"}})
    master.wait_for("t1", "TASK_KILLED")
    assert "TASK_RUNNING" not in master.states("t1")


def test_two_tasks_at_once_share_the_cache(master: Master, agent: AgentProcess, server: str) -> None:
    """The second waits for what the first fetches; a task with another URI waits for neither."""
    agent.start()
    for name in ("t1", "t2", "t3"):
        command = "grep -q gated gated"
        master.run(name, {"value": command, "uris": [{"value": f"{server}/gated", "cache": True}]})
    wait_until(lambda: "/gated" in Handler.asked, 20, "the request")
    master.run("other", {"value": "true", "uris": [{"value": f"{server}/plain.txt", "cache": True}]})
    master.wait_for("other", "TASK_FINISHED")
    Handler.gate.set()
    for name in ("t1", "t2", "t3"):
        master.wait_for(name, "TASK_FINISHED")
    assert Handler.asked.count("/gated") == 1
    assert not list((agent.work_dir / "fetch").glob("partial-*"))


def test_https_by_the_trust_store(
    master: Master, agent: AgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that the store knows is taken, another one ends the launch."""
    certificate, key = self_signed(tmp_path)
    Handler.asked, Handler.gate = [], threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Silent(("127.0.0.1", 0), Handler) as found:
        found.socket = context.wrap_socket(found.socket, server_side=True)
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        try:
            uris = [{"value": f"https://127.0.0.1:{found.server_port}/plain.txt"}]
            agent.start()
            master.run("unknown", {"value": "true", "uris": uris})
            assert "CERTIFICATE_VERIFY_FAILED" in failed(master, "unknown")
            agent.kill()
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            agent.start()
            master.run("known", {"value": "grep -q plain plain.txt", "uris": uris})
            master.wait_for("known", "TASK_FINISHED")
        finally:
            found.shutdown()
            thread.join()


def test_a_full_sandbox_fails_the_launch(master: Master, agent: AgentProcess, tmp_path: Path) -> None:
    """What does not fit is told with the kernel's words; the next task runs."""
    (tmp_path / "huge").write_bytes(b"x" * 3_000_000)
    agent.start()
    assert agent.process is not None
    # As a disk with little room: no file of this process grows beyond two megabytes.
    subprocess.run(["prlimit", "--pid", str(agent.process.pid), "--fsize=2000000"], check=True)
    master.run("t1", {"value": "true", "uris": [{"value": f"file://{tmp_path}/huge"}]})
    assert "File too large" in failed(master, "t1")
    master.run("t2", "true")
    master.wait_for("t2", "TASK_FINISHED")
