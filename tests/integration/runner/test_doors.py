"""Who may do what at a scheduler: every route against every kind of caller; and the description of all routes."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Blueprint, Flask

from sdk.http.access import AccessFile, SharedSecret
from sdk.http.app import make_app
from sdk.http.openapi import document, open_to_all
from sdk.http.server import HttpServer
from sdk.metrics import Metrics
from tests.integration.runner.test_runner import Bench

READER, CHANGER, SECRET = "token-of-the-reader", "token-of-the-changer", "the-secret-of-two-processes"
OPEN = {"/healthz", "/readyz", "/v1/artifact"}


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.runner.stop()


def plugins() -> Blueprint:
    routes = Blueprint("plugins", __name__)

    @routes.route("/v1/count", methods=["GET", "PUT", "DELETE"])
    def count() -> str:
        return "counted"

    @routes.get("/v1/artifact")
    @open_to_all
    def artifact() -> str:
        return "what agents fetch"

    return routes


@pytest.fixture
def app(bench: Bench, tmp_path: Path) -> Flask:
    path = tmp_path / "access"
    path.write_text(f"read prometheus token:{READER}\nchange ops token:{CHANGER}\n")
    ways = [SharedSecret(SECRET, "the API"), AccessFile(path, "access-file")]
    return make_app([(bench.runner, [plugins()])], Metrics(), ways=ways, reading=True)


def routes(app: Flask) -> list[tuple[str, str]]:
    return [
        (method, re.sub("<[^>]+>", "x", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"OPTIONS"})
    ]


def test_every_route_asks_who_it_is(bench: Bench, app: Flask) -> None:
    """401 for nobody, 403 for readers that want to change; what supervisors and agents ask for is open to all."""
    client, seen = app.test_client(), set()
    for method, path in routes(app):
        changes = method not in ("GET", "HEAD")
        codes = {}
        for who in (None, "wrong", READER, CHANGER, SECRET):
            headers = {} if who is None else {"Authorization": f"Bearer {who}"}
            codes[who] = client.open(path, method=method, headers=headers, json={} if changes else None).status_code
        refused = {who for who, code in codes.items() if code in (401, 403)}
        if path in OPEN:
            assert refused == set(), path
            seen.add(path)
        elif changes:
            assert (codes[None], codes["wrong"], codes[READER]) == (401, 401, 403), path
            assert refused == {None, "wrong", READER}, path
        else:
            assert (codes[None], codes["wrong"]) == (401, 401), path
            assert refused == {None, "wrong"}, path
    assert seen == OPEN


def test_without_a_file_everybody_may_read(bench: Bench) -> None:
    """And who knows the secret may change; a framework that is not guarded is for all."""
    app = make_app([(bench.runner, [plugins()])], Metrics(), ways=[SharedSecret(SECRET, "the API")])
    for method, path in routes(app):
        code = app.test_client().open(path, method=method, json={}).status_code
        assert (code == 401) == (method not in ("GET", "HEAD")), path
    app = make_app([(bench.runner, [plugins()])], Metrics(), ways=[SharedSecret(SECRET, "the API")], unguarded={"test"})
    assert {app.test_client().open(path, method=method, json={}).status_code for method, path in routes(app)} & {
        401
    } == set()


def test_every_route_says_what_it_does(app: Flask) -> None:
    """Those of the SDK; a plugin's own are named."""
    found = document(app, "test", "1")
    assert {method for path in found["paths"].values() for method in path} <= {"get", "post", "put", "delete"}
    described = {
        (method.upper(), re.sub("{[^}]+}", "x", path)) for path, methods in found["paths"].items() for method in methods
    }
    assert described == {(method, path) for method, path in routes(app) if method != "HEAD"}
    silent = {
        path
        for path, methods in found["paths"].items()
        for operation in methods.values()
        if operation["summary"] == "A route of the framework's own."
    }
    assert silent == {"/v1/count", "/v1/artifact"}
    names = [operation["operationId"] for methods in found["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)


@pytest.mark.integration
@pytest.mark.slow
def test_answers_are_what_the_description_says(bench: Bench, tmp_path: Path) -> None:
    """Whoever makes a client of it can rely on it. A process of its own: Schemathesis changes how others draw."""
    bench.lead()
    bench.launch()
    server = HttpServer("127.0.0.1:0", name="test")
    server.serve(make_app([(bench.runner, [])], Metrics()))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", Path(__file__).parent / "schemathesis.toml",
             "run", f"http://127.0.0.1:{server.port}/openapi.json"],
            capture_output=True, cwd=tmp_path, timeout=300, check=False,
        )  # fmt: skip
    finally:
        server.stop()
    assert done.returncode == 0, done.stdout.decode()[-8000:] + done.stderr.decode()[-2000:]
