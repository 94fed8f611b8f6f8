"""The HTTP server of a process that has no other one: whether its loop turns, whether it is of use, and its metrics.

Serves the listener and the template. Knows HTTP; what is healthy is told by whoever makes it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from sdk.errors import EnvironmentProblem
from sdk.http.server import HttpServer

_THREADS = 2

Problem = Callable[[], str | None]
"""The sentence that says what is wrong; None when nothing is."""
Answer = Callable[[Mapping[str, str]], object]
"""What is answered, as JSON, to the parameters of a question."""


class HealthServer:
    """`/healthz` (200, or 503 when the process should be started again), `/readyz` (503 while it is of no use yet) and
    `/metrics`: `gauges` by name are a sentence and what gives the value, None while there is none.
    """

    def __init__(
        self,
        listen: str,
        *,
        name: str,
        healthy: Problem,
        ready: Problem,
        gauges: Mapping[str, tuple[str, Callable[[], float | None]]],
        registry: CollectorRegistry | None = None,
        questions: Mapping[str, Answer] = MappingProxyType({}),
    ) -> None:
        """`registry` holds what else there is to tell; `questions` are answered at their paths.

        Listens at once; raises EnvironmentProblem when the address is in use, InvalidSpec when it is none.
        """
        self._problems = {"/healthz": healthy, "/readyz": ready}
        self._registry = registry or CollectorRegistry()
        self._questions = questions
        for gauge, (sentence, value) in gauges.items():
            Gauge(gauge, sentence, registry=self._registry).set_function(_number(value))
        try:
            self._server = HttpServer(listen, threads=_THREADS, name=name)
        except EnvironmentProblem as error:
            hint = "stop what uses it, or choose another address with --health-listen"
            raise EnvironmentProblem(f"{error}; {hint}") from error
        self.address = f"{self._server.host}:{self._server.port}"

    def start(self) -> None:
        """Answer from now on."""
        self._server.serve(self._answer)

    def stop(self) -> None:
        """Close the port."""
        self._server.stop()

    def _answer(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "")
        plain = "text/plain; charset=utf-8"
        if method not in ("GET", "HEAD"):
            return _respond(start_response, "405 Method Not Allowed", plain, b"GET is allowed\n")
        if path == "/metrics":
            return _respond(start_response, "200 OK", CONTENT_TYPE_LATEST, generate_latest(self._registry))
        if path in self._questions:
            query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
            body = json.dumps(self._questions[path](query), ensure_ascii=False).encode()
            return _respond(start_response, "200 OK", "application/json", body)
        if path not in self._problems:
            known = ", ".join((*self._problems, "/metrics", *self._questions))
            return _respond(start_response, "404 Not Found", plain, f"there are {known}\n".encode())
        problem = self._problems[path]()
        if problem is not None:
            return _respond(start_response, "503 Service Unavailable", plain, f"{problem}\n".encode())
        return _respond(start_response, "200 OK", plain, b"ok\n")


def _respond(start_response: Callable[..., Any], status: str, kind: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _number(value: Callable[[], float | None]) -> Callable[[], float]:
    def number() -> float:
        found = value()
        return float("nan") if found is None else float(found)

    return number
