"""The Flask application: blueprints, error forms, limits. Does not know how it is served."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, Response, request
from flask_smorest import Api
from prometheus_client import CollectorRegistry, Gauge
from werkzeug.exceptions import HTTPException

from api.observed.instance_metrics import InstanceMetrics
from api.routes import common, v1, v2
from api.routes.login import FORMS, login_pages
from api.routes.pool_templates import STATUS, TEMPLATE
from api.users.credentials import Credentials
from api.validation.trials import Trials
from api.web.authentication import all_ways, require_user
from api.web.bodies import MAX_BODY, YAML_KINDS
from api.web.context import Context
from api.web.http import PrefixMiddleware, RequestMetrics, observe_requests
from api.web.noting import note_changes
from api.web.openapi import ERROR, PROBLEM, field_properties, ref
from api.web.problems import ApiProblem, render
from api.web.spellings import both_spellings
from scheduler.pools.schema import PoolSchema
from scheduler.pools.v1.schema import V1PoolSchema
from sdk.clock import SystemClock
from sdk.errors import CorruptRecord, StorageUnavailable
from sdk.http.errors import HttpError
from sdk.http.guard import require_known_host, require_sound_changes
from sdk.storage.connection import SessionState, ZooKeeper

_log = structlog.get_logger()

DEFAULT_PREFIX = "/service/edgelb"
DEFAULT_FRAMEWORK = "edgelb"
_PLAIN = frozenset(
    {
        *("common.ping", "common.version", "common.readyz", "v1.ping", "v1.version", "v1.artifact", "v1.lb_template"),
        *("v2.lbconfig", "v2.lb_template", "v2.pool_lb_template"),
        *both_spellings("v2.pool_template_text"),
    }
)
_TEXTS = frozenset({"v1.set_lb_template", "v2.set_lb_template", *both_spellings("v2.set_pool_template_text")})


def create_app(
    zookeeper: ZooKeeper,
    root: str,
    *,
    version: str,
    trials: Trials,
    framework: str = DEFAULT_FRAMEWORK,
    prefix: str = DEFAULT_PREFIX,
    scheduler_secret: str | None = None,
    scheduler_ca: Path | None = None,
    credentials: Credentials | None = None,
    hosts: Collection[str] = (),
    require_if_match: bool = False,
) -> Flask:
    """The API over one ZooKeeper root; `framework` names the scheduler that plans and pods are asked of.

    `trials` judge pools before they are stored; whoever made them ends them. `scheduler_secret` is what that scheduler
    wants to see, None for the one that it wrote into ZooKeeper; `scheduler_ca` are the certificates that are trusted
    where it speaks TLS. Without `credentials` everybody may do everything. `hosts` are further names under which
    browsers ask for this server. With `require_if_match` changes of pools must say which state of them is meant.
    """
    app = Flask("edgelb", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        API_TITLE="Edge-LB",
        API_VERSION=version,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    # The order of fields is that of the model: it reads better than the alphabet.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    context = Context.of(
        zookeeper,
        root,
        framework,
        version,
        trials,
        scheduler_secret,
        scheduler_ca=scheduler_ca,
        credentials=credentials,
        requires_conditions=require_if_match,
    )
    registry = CollectorRegistry()
    connected = Gauge("edgelb_api_zookeeper_connected", "1 while ZooKeeper answers.", registry=registry)
    connected.set_function(lambda: float(zookeeper.state is SessionState.CONNECTED))
    registry.register(InstanceMetrics(context.published, context.liveness))
    api = Api(app)
    _describe(api)
    api.register_blueprint(common.blueprint(context, registry))
    api.register_blueprint(v1.blueprint(context))
    api.register_blueprint(v2.blueprint(context))
    _handle_errors(app)
    observe_requests(app, RequestMetrics(registry))
    if credentials is not None:
        app.register_blueprint(login_pages(credentials))
        require_user(app, all_ways(credentials))
        note_changes(app, context.changes, SystemClock())
    require_known_host(app, hosts, "EDGELB_API_HOSTS")
    require_sound_changes(app, also=YAML_KINDS, texts=_TEXTS, forms=FORMS)
    app.wsgi_app = PrefixMiddleware(app.wsgi_app, prefix)  # type: ignore[method-assign]
    return app


def _describe(api: Any) -> None:
    api.ma_plugin.converter.add_attribute_function(field_properties)
    schemas = api.spec.components.schemas
    api.spec.components.schema("V1Pool", schema=V1PoolSchema)
    api.spec.components.schema("V2Pool", schema=PoolSchema)
    for one in schemas.values():
        one["additionalProperties"] = False  # Strict refuses them
    for name in ("V1Pool", "V2Pool"):
        schemas[name]["properties"]["etag"] = {
            "type": "string",
            "description": "Of the pool that was read; or If-Match.",
        }
    api.spec.components.schema("ApiError", ERROR)
    api.spec.components.schema("ApiProblem", PROBLEM)
    container = {
        "apiVersion": {"type": "string", "enum": ["V1", "V2"]},
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "v1": ref("V1Pool"),
        "v2": ref("V2Pool"),
    }
    api.spec.components.schema("PoolContainer", {"type": "object", "properties": container})
    api.spec.components.schema("PoolTemplate", TEMPLATE)
    api.spec.components.schema("PoolTemplateStatus", STATUS)
    config = {
        "pools": {"type": "array", "items": ref("PoolContainer")},
        "poolTemplates": {"type": "array", "items": ref("PoolTemplate")},
    }
    api.spec.components.schema("ConfigContainer", {"type": "object", "properties": config})
    pools_of_v1 = {"pools": {"type": "array", "items": ref("V1Pool")}}
    api.spec.components.schema("V1Config", {"type": "object", "required": ["pools"], "properties": pools_of_v1})


def _handle_errors(app: Flask) -> None:
    def show(problem: ApiProblem) -> Response:
        return render(problem, request, plain=request.endpoint in _PLAIN)

    def on_problem(problem: ApiProblem) -> Response:
        return show(problem)

    def on_refusal(error: HttpError) -> Response:
        return show(ApiProblem(error.code, error.message, headers=error.headers))

    def on_http(error: HTTPException) -> Response:
        status = error.code or 500
        message = {
            404: f"there is no {request.path[:200]} here",
            405: f"{request.method} is not possible on {request.path[:200]}",
            413: f"the request body is larger than {MAX_BODY} bytes",
        }.get(status, error.description or error.name)
        headers = {key: value for key, value in error.get_headers() if key in ("Allow", "Retry-After", "Location")}
        return show(ApiProblem(status, message, headers=headers))

    def on_storage(error: StorageUnavailable) -> Response:
        _log.warning("ZooKeeper does not answer", path=request.path[:200], error=str(error))
        return show(ApiProblem(503, f"pools cannot be reached at the moment: {error}", headers={"Retry-After": "2"}))

    def on_corrupt(error: CorruptRecord) -> Response:
        _log.error("What is stored cannot be read", path=request.path[:200], error=str(error))
        return show(ApiProblem(500, f"what is stored cannot be read: {error}"))

    def on_bug(error: Exception) -> Response:
        _log.exception("A request failed unexpectedly", path=request.path[:200], exc_info=error)
        return show(ApiProblem(500, "an unexpected error; the log of the API server tells more"))

    app.register_error_handler(ApiProblem, on_problem)
    app.register_error_handler(HttpError, on_refusal)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(StorageUnavailable, on_storage)
    app.register_error_handler(CorruptRecord, on_corrupt)
    app.register_error_handler(Exception, on_bug)
