"""What surrounds the views: the URL prefix, the access log and the metrics of each request."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from flask import Flask, Request, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram

from api.web.authentication import account

_log = structlog.get_logger()
_QUIET = frozenset({"/ping", "/healthz", "/readyz", "/metrics"})

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class PrefixMiddleware:
    """Serves the same application at the root and below a prefix such as `/service/edgelb`."""

    def __init__(self, app: WsgiApp, prefix: str) -> None:
        self._app = app
        self._prefix = "/" + prefix.strip("/") if prefix.strip("/") else ""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if self._prefix and path == self._prefix:
            # Relative links of the page at the root would miss the last part of the prefix.
            start_response("308 Permanent Redirect", [("Location", f"{self._prefix}/"), ("Content-Length", "0")])
            return []
        if self._prefix and path.startswith(self._prefix + "/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._prefix
            environ["PATH_INFO"] = path[len(self._prefix) :]
        return self._app(environ, start_response)


class RequestMetrics:
    """Counts and times requests by their route, never by their path: names of pools are not label values."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "edgelb_api_requests", "Requests by route and status.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "edgelb_api_request_seconds", "Time to answer a request.", ["method", "route"], registry=registry
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


def observe_requests(app: Flask, metrics: RequestMetrics) -> None:
    """Log and count every request of `app`."""

    def begin() -> None:
        g.started = time.perf_counter()

    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.pop("started", time.perf_counter())
        metrics.observe(_method(request), _route(request), response.status_code, seconds)
        # Reads are polled; what changes something, and what went wrong here, is news.
        # 504 is how metadata and lbconfig say "not yet".
        failed = response.status_code >= 500 and response.status_code != 504 and request.path not in _QUIET
        level = "warning" if failed else "debug" if request.method in ("GET", "HEAD", "OPTIONS") else "info"
        # The path only: the query may hold the user's token.
        getattr(_log, level)(
            "Answered a request",
            method=request.method,
            path=request.path[:200],
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            client=request.remote_addr,
            **({"user": name} if (name := account()) else {}),
        )
        return response

    app.before_request(begin)
    app.after_request(end)


def _route(flask_request: Request) -> str:
    return flask_request.url_rule.rule if flask_request.url_rule else "unknown"


def _method(flask_request: Request) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
    return flask_request.method if flask_request.method in known else "other"
