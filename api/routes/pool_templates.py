"""Pool templates over HTTP: which there are, their texts, and what became of each.

Knows conditions and which status tells what. Does not know what a text means (validation), nor how pools are made of
labels.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from flask import Response, jsonify, request
from flask_smorest import Blueprint

from api.auto_pools.templates.language.form import default_text, with_name
from api.auto_pools.templates.stored_template import LONGEST_NAME, StoredTemplate, name_problem, pool_of
from api.auto_pools.templates.template_store import TemplateExists, TemplateMissing, exists
from api.auto_pools.thread.answers import DEPLOYED
from api.observed.running_tasks import running_tasks
from api.observed.runtime import Scheduler, status_of
from api.observed.template_link import ask_template
from api.routes.judging import unchecked
from api.routes.lb_templates import text_of_body
from api.routes.rehearsal import is_rehearsal
from api.status.closed_ports import closed_ports, with_closed_ports
from api.status.metadata import hosts, places
from api.status.states import READY
from api.web.authentication import account, require_change
from api.web.bodies import read_json
from api.web.conditions import condition, require_condition
from api.web.context import Context, plain
from api.web.openapi import View, json_answer, ref, route, text_answer
from api.web.problems import ApiProblem
from api.web.spellings import both_spellings
from api.web.warning import warn
from scheduler.pools.problems import InvalidPool, Problem, shown
from scheduler.pools.stored.mismatch import VersionMismatch

TEMPLATE = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": LONGEST_NAME, "pattern": "^[a-z0-9][a-z0-9-]*[a-z0-9]$"}
    },
}
_STATE = {"type": "string", "enum": ["OK", "RENDER_ERR", "SUBMIT_ERR", "NO_TASKS", "NEW"]}
_TEXT = {"type": "string"}
_TASK = {
    "type": "object",
    "properties": {"status": _STATE, "message": _TEXT, "uris": {"type": "array", "items": _TEXT}},
}
STATUS = {
    "description": "By the name of the pool; `statuses` are by the id of the framework, then of the task.",
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "status": _STATE,
            "message": _TEXT,
            "statuses": {
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": _TASK},
            },
        },
    },
}
_NEW = {"status": "NEW", "message": "the template process has not looked at the pool template yet", "statuses": {}}
_PRINTED = text_answer("The template.")

Json = dict[str, Any]
T = TypeVar("T")


def add_pool_templates(routes: Blueprint, context: Context) -> None:
    """Add them to the API's routes."""
    store = context.templates

    def both(rest: str, method: str, answer: Json, **described: Any) -> Callable[[View], View]:
        def register(view: View) -> View:
            for base, name in zip(("/pooltemplates", "/poolTemplates"), both_spellings(view.__name__), strict=True):
                route(routes, f"{base}{rest}", method, answers=answer, endpoint=name, **described)(view)
            return view

        return register

    @both("", "GET", {"200": json_answer("All of them.", {"type": "array", "items": ref("PoolTemplate")})})
    def pool_templates() -> Response:
        """All pool templates, by name."""
        view = store.all()
        response = jsonify([*map(shape, view)])
        for name, problem in view.unreadable.items():
            warn(response, f"pool template {name} is left out: {problem}")
        return response

    @both("", "POST", {"200": json_answer("It.", ref("PoolTemplate"))}, body=ref("PoolTemplate"))
    def create_pool_template() -> Response:
        """Make a pool template; until it gets a text of its own it is like the default one."""
        name = _name_in(read_json(request, "the pool template"))
        require_change(pool_of(name))
        wanted = condition(request.headers)
        response = jsonify(shape(name))
        try:
            if not is_rehearsal(request):
                response.headers["ETag"] = store.create(name, account()).etag
            elif store.exists(name):
                raise exists(name)
        except TemplateExists as error:
            raise ApiProblem(412 if wanted.must_be_new else 409, str(error)) from error
        return response

    @both("/<string:name>", "DELETE", {"204": {"description": "Deleted."}})
    def delete_pool_template(name: str) -> Response:
        """Remove a pool template; the pool that was made under it goes afterwards."""
        changed(name, lambda tag: store.expect(name, tag) if is_rehearsal(request) else store.delete(name, tag))
        response = Response(status=204)
        response.headers.pop("Content-Type")
        return response

    @both("/<string:name>/template", "GET", {"200": _PRINTED})
    def pool_template_text(name: str) -> Response:
        """The text of the pool template, the default one where it has none of its own."""
        return _shown(present(name))

    @both("/<string:name>/template", "PUT", {"200": _PRINTED})
    def set_pool_template_text(name: str) -> Response:
        """Give the pool template a text of its own; with If-Match only if nobody changed it in between."""
        text = text_of_body()
        if text == with_name(default_text(), name):
            return set_text(name, "")
        before = changed(name, lambda tag: store.expect(name, tag))
        judgement = context.trials.judge_template(name, text, account())
        if judgement.problems:
            raise ApiProblem.of_pool(InvalidPool(judgement.problems))
        warnings = tuple(tried(name, text, before.text if before is not None else ""))
        response = set_text(name, text)
        for warning in (*judgement.remarks, *unchecked(judgement), *warnings):
            warn(response, warning)
        return response

    @both("/<string:name>/template", "DELETE", {"200": _PRINTED})
    def reset_pool_template_text(name: str) -> Response:
        """Let the pool template have the default text again, which is answered."""
        return set_text(name, "")

    @both("/<string:name>/status", "GET", {"200": json_answer("What became of it.", ref("PoolTemplateStatus"))})
    def pool_template_status(name: str) -> Json:
        """What became of the pool template and of each task under it, by its pool."""
        present(name)
        root, at = context.published.root, hosts(places(context.published.instances(pool_of(name)), ()))
        query = {"template": name, "addresses": ",".join(at)}
        told: Json = ask_template(context.zookeeper, root, "/auto-pools", "pools", dict, **query)
        return {pool: _deployed(context, pool, one) for pool, one in told.items()} or {pool_of(name): _NEW}

    def tried(name: str, text: str, before: str) -> Iterator[str]:
        """What of the tasks that run has to be told; ApiProblem where the text is not good for them at all."""
        running = running_tasks(context.zookeeper, context.published.root, name)
        if running.tasks:
            judgement = context.trials.try_template(name, text, before, running.tasks, running.dialects, account())
            if judgement.problems:
                raise ApiProblem.of_pool(InvalidPool(judgement.problems))
            yield from judgement.remarks
            if judgement.unchecked:
                yield f"what becomes of the tasks that run was not looked at to the end: {judgement.unchecked}"
        if running.missing:
            yield running.missing

    def present(name: str) -> StoredTemplate:
        found = None if name_problem(name) else store.get(name)
        if found is None:
            raise _not_found(name)
        return found

    def changed(name: str, change: Callable[[str | None], T]) -> T:
        """Carry out the change, which is told the revision that the request wants."""
        wanted = condition(request.headers)
        if name_problem(name):
            raise _not_found(name)
        if wanted.must_be_new:
            raise ApiProblem(400, "If-None-Match: is for a POST, which makes a pool template")
        if context.requires_conditions and not is_rehearsal(request) and store.exists(name):
            require_condition(wanted, name, "pool template")
        try:
            return change(wanted.tag)
        except TemplateMissing as error:
            raise ApiProblem(412, str(error)) if wanted.tag is not None else _not_found(name) from error
        except VersionMismatch as error:
            raise ApiProblem(412, str(error)) from error

    def set_text(name: str, text: str) -> Response:
        if is_rehearsal(request):
            changed(name, lambda tag: store.expect(name, tag))
            return plain(text or with_name(default_text(), name))
        return _shown(changed(name, lambda tag: store.set_text(name, text, tag, account())))


def _deployed(context: Context, pool: str, told: Json) -> Json:
    """What is told of a pool that was stored, with what the load balancers make of it while it is not ready."""
    stored = context.pools.get(pool) if told["status"] == "OK" else None
    if stored is None:
        return told
    found = status_of(context, stored, Scheduler(context).side(pool))
    if found["state"] == READY:
        return told
    closed = closed_ports(stored.pool, context.published.instances(pool))
    told = {**told, "statuses": with_closed_ports(told["statuses"], closed)} if closed else told
    state = f"pool {pool} is {found['state']}: {found['summary']}; edgelb status {pool} tells more"
    return {**told, "message": told["message"].replace(DEPLOYED, state)}


def shape(name: str) -> dict[str, str]:
    """A pool template as the API shows it."""
    return {"name": name}


def _shown(template: StoredTemplate) -> Response:
    """The text of the template."""
    response = plain(with_name(template.text or default_text(), template.name))
    response.headers["ETag"] = template.etag
    return response


def _name_in(body: object) -> str:
    """The name of the template in a body."""
    if not isinstance(body, dict):
        raise ApiProblem(400, 'poolTemplate: must be an object such as {"name": "team-a"}')
    problems = [
        Problem(path=f"poolTemplate.{key}", value=shown(value), rule="unknown field; there is name", keys=(key,))
        for key, value in body.items()
        if key != "name" and value is not None
    ]
    name = body.get("name")
    rule = name_problem(name) if isinstance(name, str) else "is required, a string"
    if rule is not None:
        problems.append(Problem(path="poolTemplate.name", value=shown(name), rule=rule, keys=("name",)))
    if problems:
        raise ApiProblem.of_pool(InvalidPool(problems))
    return str(name)


def _not_found(name: str) -> ApiProblem:
    return ApiProblem(404, f"pool template {name[:80]} not found")
