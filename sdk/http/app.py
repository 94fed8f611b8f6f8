"""The HTTP application of a scheduler process: its frameworks' routes, their plugins' routes, health and metrics."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, Flask, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sdk.http.errors import HttpError, install
from sdk.http.framework import framework_blueprint
from sdk.http.guard import require_secret, require_sound_changes
from sdk.http.index import PROCESS_LINKS, Link, index
from sdk.metrics import Metrics
from sdk.plan.progress import Progress
from sdk.runner import Runner

# Where to look for it, for people.
_PLACE = "what stands in --scheduler-secret-file, or as secret in the framework's node leader/holder"


def make_app(
    frameworks: Sequence[tuple[Runner, Sequence[Blueprint]]],
    metrics: Metrics,
    *,
    secrets: Mapping[str, str] | None = None,
) -> Flask:
    """One framework is served at the root, several below `/frameworks/<name>`; health and metrics at the root too.

    `secrets`, by framework, are what a request has to know to change something of it, by the SDK's routes or the
    plugin's; without one whoever reaches the port may.
    """
    app = Flask("scheduler")
    # Field order tells a story (name before id before state); sorting would lose it.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    install(app)
    require_sound_changes(app)
    runners = [runner for runner, _ in frameworks]
    names = [runner.name for runner in runners]
    alone = len(frameworks) == 1
    for runner, blueprints in frameworks:
        prefix = framework_prefix(runner.name, alone=alone) or None
        secret = (secrets or {}).get(runner.name)
        for blueprint in (framework_blueprint(runner, prefixed=not alone), *blueprints):
            if secret is not None:
                require_secret(blueprint, secret, _PLACE)
            app.register_blueprint(blueprint, url_prefix=prefix)

    if not alone:

        @app.get("/")
        def root() -> Response:
            links = {name: Link(f"frameworks/{name}/", "a framework of this process") for name in names}
            return index(request, "scheduler", {}, links | PROCESS_LINKS)

    @app.get("/healthz")
    def healthz() -> Response:
        broken = [runner.name for runner in runners if not runner.working]
        if broken:
            raise HttpError(500, f"the runner of {', '.join(broken)} ended")
        return jsonify({"status": "alive", "frameworks": [runner.name for runner in runners]})

    if not alone:

        @app.get("/readyz")
        def readyz() -> Response:
            reasons = {runner.name: runner.status().reason for runner in runners}
            waiting = [f"{name}: {reason}" for name, reason in reasons.items() if reason]
            if waiting:
                raise HttpError(503, "; ".join(waiting))
            return jsonify({"status": "ready", "frameworks": list(reasons)})

    @app.get("/metrics")
    def prometheus() -> Response:
        _count_pods(runners, metrics)
        return Response(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)

    return app


def framework_prefix(name: str, *, alone: bool) -> str:
    """Where the routes of a framework begin."""
    return "" if alone else f"/frameworks/{name}"


def _count_pods(runners: Sequence[Runner], metrics: Metrics) -> None:
    metrics.services.clear()
    for runner in runners:
        metrics.quarantined.labels(runner.name).set(len(runner.status().quarantined))
        snapshot = runner.snapshot()
        for status in Progress:
            views = snapshot.services.values() if snapshot is not None else ()
            metrics.services.labels(runner.name, status).set(sum(view.status is status for view in views))
