"""A tiny HTTP server that tells who it is: the application behind the load balancer in demonstrations and tests.

`python -m examples.webapp [--port N] [--host ADDRESS] [--name NAME] [--grace SECONDS]`; port and name default to the
environment's `PORT_HTTP`, `PORT0` or 8000, and `INSTANCE`, `TASK_NAME` or the host's name.

SIGTERM: it goes on answering for the grace, telling clients to close (a load balancer needs that long to hear of the
end), then stops accepting, finishes what is under way and exits. `/slow?seconds=N` answers after N seconds, at most 30.
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_SLOWEST = 30.0


class WebApp:
    """The server and its state."""

    def __init__(self, name: str, port: int, host: str = "127.0.0.1") -> None:
        self.name = name
        self.requests = 0
        self.draining = threading.Event()
        self._busy = 0
        self._idle = threading.Condition()
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # keep-alive
            timeout = 60
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                self._new = True

            def handle_one_request(self) -> None:
                super().handle_one_request()
                self._served()

            def finish(self) -> None:
                self._served()
                super().finish()

            def _served(self) -> None:
                if self._new:
                    self._new = False
                    app.change_busy(-1)

            def do_GET(self) -> None:
                with app.busy():
                    app.requests += 1
                    time.sleep(delay(self.path))
                    status = 503 if self.path == "/health" and app.draining.is_set() else 200
                    self._answer(status, app.describe(self.path))

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                with app.busy():
                    app.requests += 1
                    body = self.rfile.read(min(length, 1_000_000))
                    self._answer(200, app.describe(self.path) | {"received": len(body)})

            def _answer(self, status: int, value: dict[str, object]) -> None:
                data = json.dumps(value).encode() + b"\n"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("X-Instance", app.name)
                if app.draining.is_set():
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """One line per request would bury the sandbox's stdout under load."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def process_request(self, request: Any, client_address: Any) -> None:
                # From here on the client counts on an answer, although no thread has read its request yet.
                app.change_busy(1)
                super().process_request(request, client_address)

            def handle_error(self, request: Any, client_address: Any) -> None:
                # Clients that go away are no errors of ours to print; those of ours are.
                if not isinstance(sys.exception(), ConnectionError):
                    super().handle_error(request, client_address)

        self._server = Server((host, port), Handler)
        self.port: int = self._server.server_address[1]

    def describe(self, path: str) -> dict[str, object]:
        """The answer: who and where."""
        return {"instance": self.name, "port": self.port, "path": path, "host": socket.gethostname()}

    def busy(self) -> "_Busy":
        """Counts a request under way."""
        return _Busy(self)

    def change_busy(self, by: int) -> None:
        """Note the begin or end of a request."""
        with self._idle:
            self._busy += by
            self._idle.notify_all()

    def serve(self) -> None:
        """Answer until `drain` ends it, then finish what is under way."""
        self._server.serve_forever(poll_interval=0.05)
        with self._idle:
            self._idle.wait_for(lambda: self._busy == 0, timeout=5)

    def drain(self, grace: float) -> None:
        """Answer for `grace` seconds more, then stop accepting."""
        self.draining.set()
        time.sleep(grace)
        self._server.shutdown()

    def close(self) -> None:
        """Close the port."""
        self._server.server_close()


def address(environment: Mapping[str, str]) -> str:
    """Where load balancers look for the task: at its agent's address, as Mesos tells it; loopback without Mesos."""
    agent = environment.get("MESOS_AGENT_ENDPOINT", "").rpartition(":")[0]
    return environment.get("LIBPROCESS_IP") or agent or "127.0.0.1"


def delay(path: str) -> float:
    """Seconds until the answer to a request for `path`."""
    parts = urlsplit(path)
    if parts.path != "/slow":
        return 0.0
    try:
        return min(_SLOWEST, max(0.0, float(parse_qs(parts.query)["seconds"][0])))
    except (KeyError, ValueError):
        return 1.0


class _Busy:
    def __init__(self, app: WebApp) -> None:
        self._app = app

    def __enter__(self) -> None:
        self._app.change_busy(1)

    def __exit__(self, *_: object) -> None:
        self._app.change_busy(-1)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    environment = os.environ
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--port", type=int, default=int(environment.get("PORT_HTTP") or environment.get("PORT0") or 8000)
    )
    parser.add_argument(
        "--host",
        default=address(environment),
        help="address to listen at; by default that of the agent that runs it, loopback when there is none",
    )
    parser.add_argument(
        "--name", default=environment.get("INSTANCE") or environment.get("TASK_NAME") or socket.gethostname()
    )
    parser.add_argument("--grace", type=float, default=1.0, help="seconds of answering after SIGTERM")
    arguments = parser.parse_args()
    app = WebApp(arguments.name, arguments.port, arguments.host)

    def stop(_signal: int, _frame: object) -> None:
        # serve_forever must not be shut down from the thread that runs it.
        threading.Thread(target=app.drain, args=(arguments.grace,), daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"{app.name} listens on {arguments.host}:{app.port}", flush=True)  # noqa: T201 - the sandbox's stdout
    app.serve()
    app.close()


if __name__ == "__main__":
    main()
