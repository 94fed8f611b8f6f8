"""The HTTP application of a scheduler process: its frameworks' routes, their plugins' routes, health and metrics."""

from collections.abc import Collection, Sequence

from flask import Blueprint, Flask, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sdk.http import schemas
from sdk.http.access import Way
from sdk.http.errors import HttpError, install
from sdk.http.framework import framework_blueprint
from sdk.http.guard import require_access, require_sound_changes
from sdk.http.index import PROCESS_LINKS, Link, index
from sdk.http.measured import measure
from sdk.http.openapi import described, document, open_to_all
from sdk.metrics import Metrics
from sdk.runner import Runner

# Where to look for it, for people.
_PLACE = "what stands in --scheduler-secret-file, or as secret in the framework's node leader/holder"
_PLACE_OF_TOKENS = f"a token of --scheduler-access-file, or {_PLACE}"
_ALIVE = schemas.shape(status=schemas.TEXT, frameworks=schemas.many(schemas.TEXT))


def make_app(
    frameworks: Sequence[tuple[Runner, Sequence[Blueprint]]],
    metrics: Metrics,
    *,
    ways: Sequence[Way] = (),
    unguarded: Collection[str] = (),
    reading: bool = False,
) -> Flask:
    """One framework is served at the root, several below `/frameworks/<name>`; health and metrics at the root too.

    `ways` are those by which callers show who they are, to change something of a framework by the SDK's routes or the
    plugin's; without any whoever reaches the port may, and so it is for the `unguarded` frameworks. With `reading` they
    have to show it to read, too.
    """
    app = Flask("scheduler", static_folder=None)
    # Field order tells a story (name before id before state); sorting would lose it.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    install(app)
    require_sound_changes(app)
    runners = [runner for runner, _ in frameworks]
    names = [runner.name for runner in runners]
    alone = len(frameworks) == 1
    place = _PLACE_OF_TOKENS if reading else _PLACE
    own = Blueprint("process", __name__)
    if reading:
        require_access(own, ways, place, reading=True)
    for runner, blueprints in frameworks:
        prefix = framework_prefix(runner.name, alone=alone) or None
        for blueprint in (framework_blueprint(runner, prefixed=not alone), *blueprints):
            if ways and runner.name not in unguarded:
                require_access(blueprint, ways, place, reading=reading)
            app.register_blueprint(blueprint, url_prefix=prefix)

    if not alone:

        @own.get("/")
        @described("The frameworks of this process: JSON, or HTML for a browser.", schemas.ANYTHING)
        def root() -> Response:
            links = {name: Link(f"frameworks/{name}/", "a framework of this process") for name in names}
            return index(request, "scheduler", {}, links | PROCESS_LINKS)

    @own.get("/healthz")
    @open_to_all
    @described("Whether the process works; a supervisor ends one that does not.", _ALIVE)
    def healthz() -> Response:
        broken = [runner.name for runner in runners if not runner.working]
        if broken:
            raise HttpError(500, f"the runner of {', '.join(broken)} ended")
        return jsonify({"status": "alive", "frameworks": [runner.name for runner in runners]})

    if not alone:

        @own.get("/readyz")
        @open_to_all
        @described("Whether all frameworks can work: 503 with the reasons while one cannot.", _ALIVE)
        def readyz() -> Response:
            reasons = {runner.name: runner.status().reason for runner in runners}
            waiting = [f"{name}: {reason}" for name, reason in reasons.items() if reason]
            if waiting:
                raise HttpError(503, "; ".join(waiting))
            return jsonify({"status": "ready", "frameworks": list(reasons)})

    @own.get("/metrics")
    @described("Counters and gauges, for Prometheus.", schemas.TEXT, media="text/plain")
    def prometheus() -> Response:
        measure(runners, metrics)
        return Response(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)

    @own.get("/openapi.json")
    @described("This description.", schemas.by_name(schemas.ANYTHING))
    def description() -> Response:
        return jsonify(document(app, f"Scheduler of {', '.join(names)}", "1"))

    app.register_blueprint(own)
    return app


def framework_prefix(name: str, *, alone: bool) -> str:
    """Where the routes of a framework begin."""
    return "" if alone else f"/frameworks/{name}"
