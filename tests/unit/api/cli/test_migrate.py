"""`edgelb migrate marathon-lb`: what it prints, and where the applications come from."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner, Result

from api.cli.exits import Exit
from api.cli.main import cli

APPS = {
    "apps": [
        {
            "id": "/shop",
            "labels": {"team": "a", "HAPROXY_GROUP": "external", "HAPROXY_0_PORT": "81", "HAPROXY_0_X": "y"},
        },
        {"id": "/other", "labels": {"edgelb.expose": "true"}},
    ]
}
ADDED = {"edgelb.expose": "true", "edgelb.shop_0.frontend.port": "81", "edgelb.shop_0.frontend.protocol": "TCP"}


def run(*arguments: str, text: str = "") -> Result:
    """`edgelb migrate marathon-lb ARGUMENTS`."""
    return CliRunner().invoke(cli, ["migrate", "marathon-lb", *arguments], input=text, env={"EDGELB_TOKEN": None})


class Marathon(BaseHTTPRequestHandler):
    """Answers as Marathon behind DC/OS does: to who has a token."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        token = self.headers["Authorization"]
        self.asked.append(token)
        status = 404 if self.path != "/service/marathon/v2/apps" else 200 if token == "token=t" else 401
        body = json.dumps(APPS if status == 200 else {"message": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def marathon() -> Iterator[str]:
    """The URL of one."""
    server = HTTPServer(("127.0.0.1", 0), Marathon)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/service/marathon"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_labels_and_what_cannot_be_are_printed(tmp_path: Path) -> None:
    """Of applications that Marathon-LB serves, and of no others."""
    file = tmp_path / "apps.json"
    file.write_text(json.dumps(APPS))
    result = run("--apps", str(file))
    assert result.exit_code == 0, result.output
    words = result.stdout.split()
    assert {*ADDED, *ADDED.values(), "HAPROXY_0_X"} <= set(words)
    assert "/other" not in words


def test_json_has_the_labels_as_they_are_to_be(marathon: str) -> None:
    """Those that are there and those that are added: who sends labels to Marathon replaces all of them."""
    result = run("--marathon", marathon, "--token", "t", "--json")
    [shop] = json.loads(result.stdout)
    assert (shop["id"], shop["labels"]) == ("/shop", ADDED)
    assert shop["all"] == {**APPS["apps"][0]["labels"], **ADDED}  # type: ignore[dict-item]
    assert shop["cannot"][0].startswith("HAPROXY_0_X ")


def test_stdin_is_read() -> None:
    """As what a pipe brings."""
    result = run("--apps", "-", "--json", text=json.dumps(APPS["apps"]))
    assert [one["id"] for one in json.loads(result.stdout)] == ["/shop"]


def test_nothing_to_carry_over_is_told() -> None:
    """And is no failure."""
    result = run("--apps", "-", text="[]")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "HAPROXY_GROUP" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text", "code", "said"),
    [
        ((), "", Exit.USAGE, "give --marathon URL or --apps FILE"),
        (("--apps", "-", "--marathon", "http://127.0.0.1:9"), "", Exit.USAGE, "give --marathon URL or --apps FILE"),
        (("--apps", "-"), "{", Exit.USAGE, "stdin is not JSON"),
        (("--apps", "-"), "{}", Exit.USAGE, "is neither"),
        (("--apps", "/does/not/exist"), "", Exit.USAGE, "cannot be read"),
        (("--marathon", "marathon"), "", Exit.USAGE, "is no URL"),
        (("--marathon", "http://127.0.0.1:9"), "", Exit.UNREACHABLE, "does not answer"),
    ],
)
def test_what_cannot_be_asked_is_told(arguments: tuple[str, ...], text: str, code: Exit, said: str) -> None:
    """With the exit code of its kind."""
    result = run(*arguments, text=text)
    assert result.exit_code == code
    assert said in result.stderr


def test_a_marathon_that_wants_a_token_is_told_so(marathon: str) -> None:
    """Where none was given; one that was given is not shown."""
    result = run("--marathon", marathon)
    assert (result.exit_code, "EDGELB_TOKEN" in result.stderr) == (Exit.FAILED, True)
    result = run("--marathon", marathon, "--token", "secret-token")
    assert (result.exit_code, "secret-token" in result.stderr) == (Exit.FAILED, False)
