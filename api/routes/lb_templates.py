"""HAProxy templates of pools over HTTP: the default one, and a pool's own.

A pool's template is a part of it: setting one makes a new version of the pool, which is judged before it is stored.
"""

from flask import Response, jsonify, request
from flask_smorest import Blueprint

from api.dcos_template.rendering.layers import MOST_BYTES, default_template
from api.routes.judging import require_taken
from api.routes.pool_forms import WRITTEN
from api.routes.rehearsal import Rehearsal, is_rehearsal, rehearsed
from api.validation.judgement import as_stored
from api.web.authentication import account
from api.web.conditions import condition, require_condition
from api.web.context import Context, not_found, plain
from api.web.openapi import route, text_answer
from api.web.problems import ApiProblem
from api.web.warning import warn
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.store import PoolMissing, VersionMismatch

_DESCRIBED = text_answer("The template.")


def add_lb_templates(routes: Blueprint, context: Context) -> None:
    """Add them to the API's routes."""

    @route(routes, "/lbtemplate", "GET", answers={"200": _DESCRIBED})
    def lb_template() -> Response:
        """The default HAProxy template: it changes nothing, and tells what can be changed."""
        return plain(default_template())

    @route(routes, "/pools/<string:name>/lbtemplate", "GET", answers={"200": _DESCRIBED})
    def pool_lb_template(name: str) -> Response:
        """The pool's HAProxy template, the default one where it has none of its own."""
        return shown(context.stored(name))

    @route(routes, "/pools/<string:name>/lbtemplate", "PUT", answers={"200": _DESCRIBED}, text_body=True)
    def set_lb_template(name: str) -> Response:
        """Give the pool a HAProxy template of its own; with If-Match only if nobody changed the pool in between."""
        return set_template(context, context.stored(name), text_of_body())

    @route(routes, "/pools/<string:name>/lbtemplate", "DELETE", answers={"200": _DESCRIBED})
    def delete_lb_template(name: str) -> Response:
        """Let the pool have the default HAProxy template again, which is answered."""
        return set_template(context, context.stored(name), "")


def text_of_body() -> str:
    """The template in the request; ApiProblem when there is none."""
    data = request.get_data(cache=False)
    if len(data) > MOST_BYTES:
        raise ApiProblem(413, f"the template is {len(data)} bytes long; the limit is {MOST_BYTES}")
    if not data.strip():
        raise ApiProblem(400, "the request body is empty; send the template as text, or DELETE it for the default one")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ApiProblem(400, f"the request body is not UTF-8: byte {error.start} cannot be decoded") from error


def set_template(context: Context, stored: StoredPool, template: str) -> Response:
    """Give the pool this template, `""` for the default one, as the request wants it."""
    wanted, name = condition(request.headers), stored.pool.name
    if context.requires_conditions and not is_rehearsal(request):
        require_condition(wanted, name)
    form = WRITTEN[stored.pool.api_version]
    # Without one a pool is as it was accepted.
    judged = as_stored(stored.pool, stored)._replace(template=template)
    warnings = require_taken(context.trials, form, judged) if template else ()
    change = Rehearsal(context.pools) if is_rehearsal(request) else context.pools
    try:
        after = change.set_template(name, template, wanted.tag, account())
    except PoolMissing as error:
        raise not_found(name) from error
    except VersionMismatch as error:
        raise ApiProblem(412, str(error)) from error
    if isinstance(change, Rehearsal):
        return jsonify(rehearsed(context.trials, form, change.before, after, warnings))
    response = shown(after)
    for warning in warnings:
        warn(response, warning)
    return response


def shown(stored: StoredPool) -> Response:
    """The template of the pool."""
    response = plain(stored.template or default_template())
    response.headers["ETag"] = stored.etag
    return response
