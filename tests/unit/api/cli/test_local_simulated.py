"""`edgelb local --simulated-agents ...`: which options go together, and how far it has come."""

import http.server
import json
import queue
import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from api.cli.local.progress import Progress, sentence
from api.cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--events-per-second", "5"], "--events-per-second: only with --simulated-agents N, --simulated-tasks N"),
        (["--seed", "0"], "--seed: only with"),
        (["--events-per-second", "5", "--base-port", "20000"], "--events-per-second and --base-port: only with"),
        (["--base-port", "20000", "up"], "--base-port before up: only for --simulated-agents"),
        (["--simulated-tasks", "5", "ps"], "a system of their own, without ps"),
    ],
)
def test_options_that_change_nothing_alone_say_what_they_go_with(arguments: list[str], words: str) -> None:
    """Instead of the whole usage, or of silence."""
    done = CliRunner().invoke(cli, ["local", *arguments])
    assert done.exit_code == 2
    assert words in done.output
    assert "Commands:" not in done.output


def metrics(agents: object, running: object) -> bytes:
    """An answer of /metrics/snapshot."""
    return json.dumps({"master/slaves_active": agents, "master/tasks_running": running, "x": 1}).encode()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (metrics(1000.0, 12345.0), "1,000 agents, 12,345 of 50,000 tasks run"),
        (metrics(20, 0), "20 agents, no task yet"),
        (metrics(None, 1), None),
        (metrics("many", 1), None),
        (b'{"master/slaves_active": 1e999, "master/tasks_running": 1}', None),
        (b"{}", None),
        (b"[]", None),
        (b"busy", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_an_answer_is_told_or_passed_over(answer: bytes, said: str | None) -> None:
    """What stands in it is believed only as far as it is a number."""
    assert sentence(answer, 50_000) == said


@pytest.fixture
def master() -> Iterator[str]:
    """The URL of somebody who has metrics; the second answer is none, the third garbage."""
    answers = iter([metrics(2, 0), None, b"busy"])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = next(answers, metrics(2, 7)) if self.path == "/metrics/snapshot" else b""
            if body is None:
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_it_says_how_far_it_is_until_it_is_told_to_stop(master: str) -> None:
    """A connection that breaks and garbage in between are passed over."""
    lines: queue.Queue[str] = queue.Queue()
    with Progress(master, 10, lines.put, every=0.01):
        first, second = lines.get(timeout=20), lines.get(timeout=20)
    assert first.startswith("2 agents, no task yet after ")
    assert second.startswith("2 agents, 7 of 10 tasks run after ")
