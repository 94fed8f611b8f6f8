"""What the blocks of a template print for single objects, laid over a pool that was made of labels. Pure.

Knows which objects each block is printed for. What a block changes passes the same rules as if somebody had written it
into a pool.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from marshmallow import ValidationError

from api.auto_pools.templates.language.form import FORM
from api.auto_pools.templates.language.functions import merge
from api.auto_pools.templates.language.program import Program
from api.auto_pools.templates.language.questions import Overlaid
from api.auto_pools.templates.language.reading import values_of
from api.auto_pools.templates.language.views import Json, app_view
from scheduler.pools import checks
from scheduler.pools.fields import Strict
from scheduler.pools.messages import problems_of
from scheduler.pools.model import Backend, Frontend, Pool, Service
from scheduler.pools.problems import Problem
from scheduler.pools.schema.backend import BackendSchema
from scheduler.pools.schema.frontend import FrontendSchema
from scheduler.pools.schema.service import ServiceSchema
from sdk.errors import InvalidSpec

T = TypeVar("T", Frontend, Backend, Service)
K = TypeVar("K", Frontend, Backend)

_MOST_BROKEN = 50
_MOST_NAMES = 3

_FRONTEND, _BACKEND, _SERVICE = FrontendSchema(), BackendSchema(), ServiceSchema()


class Overlay:
    """Of one template. What it made of an object is kept for the next pool, in which most objects are the same."""

    def __init__(self, program: Program, name: str, without: frozenset[str] = frozenset()) -> None:
        """Blocks of the program that it is to be `without` are as by default."""
        self._program = program
        self._blocks = program.blocks - without
        self._name = name
        self._frontends: dict[tuple[Frontend, tuple[str, ...]], Frontend] = {}
        self._backends: dict[Backend, Backend] = {}

    def over(self, pool: Pool, *, proven: bool = False) -> Overlaid:
        """The pool with what the blocks print. Raises InvalidSpec with the line, and the object that it was for.

        A frontend or backend for which they cannot be printed is one of the problems, unless there is none for which
        they can: it is an application's doing then, and not the template's. One that is `proven` is never to blame.
        """
        haproxy, blocks = pool.haproxy, self._blocks
        frontends, backends = haproxy.frontends, haproxy.backends
        problems: tuple[Problem, ...] = ()
        if "frontend" in blocks:
            frontends, problems = self._over_frontends(frontends, _apps_by_backend(pool), proven)
        if blocks & {"backend", "service"}:
            backends, others = self._over_backends(backends, proven)
            problems += others
        changed = replace(pool, haproxy=replace(haproxy, frontends=frontends, backends=backends))
        everywhere = _everywhere(pool, problems)
        if changed != pool:
            found = self._broken(changed)
            everywhere = everywhere or _everywhere(pool, found)
            if found and everywhere and not proven:
                raise self._wrong(pool, found[0])
            # The others come when these are gone.
            problems += tuple(self._told(pool, problem) for problem in found[:_MOST_BROKEN])
        return Overlaid(pool=changed, problems=problems, everywhere=everywhere)

    def _over_frontends(
        self, frontends: tuple[Frontend, ...], apps: Mapping[str, list[Json]], proven: bool
    ) -> tuple[tuple[Frontend, ...], tuple[Problem, ...]]:
        keys = {one.bind_port: self._frontend_key(one, apps) for one in frontends}
        known = self._frontends
        made, problems = _each(
            "frontends",
            frontends,
            lambda one: known.get(keys[one.bind_port]) or self._frontend(one, apps),
            lambda one: _whose("frontend", one, _apps_of(one, apps)),
            proven,
        )
        self._frontends = {keys[one.bind_port]: made[one] for one in made}
        return tuple(made.get(one, one) for one in frontends), problems

    def _over_backends(
        self, backends: tuple[Backend, ...], proven: bool
    ) -> tuple[tuple[Backend, ...], tuple[Problem, ...]]:
        known = self._backends
        self._backends, problems = _each(
            "backends",
            backends,
            lambda one: known.get(one) or self._backend(one),
            lambda one: _whose("backend", one, _apps_behind(one)),
            proven,
        )
        return tuple(self._backends.get(one, one) for one in backends), problems

    def _broken(self, changed: Pool) -> list[Problem]:
        """A rule for each object that breaks one with what is printed for it."""
        found: dict[tuple[str, int], Problem] = {}
        for problem in checks.pool_problems(changed):
            match problem.steps:
                case ("haproxy", "frontends" | "backends" as kind, int(index), *_):
                    found.setdefault((kind, index), problem)
                case _:
                    raise self._wrong(changed, problem)
        return [found[at] for at in sorted(found)]

    def _told(self, pool: Pool, problem: Problem) -> Problem:
        kind, index = problem.steps[1:3]
        return Problem(path=f"pool.haproxy.{kind}[{index}]", rule=str(self._wrong(pool, problem)))

    def _wrong(self, pool: Pool, problem: Problem) -> InvalidSpec:
        """What the blocks print breaks a rule together."""
        rule = f"what is printed breaks a rule: {problem}"
        match problem.steps:
            case ("haproxy", "frontends", int(index), *rest):
                frontend = pool.haproxy.frontends[index]
                values = _frontend_values(frontend, _apps_by_backend(pool))
                block, rule = "frontend", f"{rule}; {_whose('frontend', frontend, values['apps'])}"
            case ("haproxy", "backends", int(index), *rest):
                backend = pool.haproxy.backends[index]
                values = _backend_values(backend)
                block, rule = "backend", f"{rule}; {_whose('backend', backend, values['apps'])}"
            case _:
                return FORM.wrong(None, rule)
        if block not in self._blocks:
            return FORM.wrong(None, rule)
        return self._program.wrong(block, {**values_of(self._name), **values}, tuple(rest), rule)

    def _frontend_key(self, frontend: Frontend, apps: Mapping[str, list[Json]]) -> tuple[Frontend, tuple[str, ...]]:
        return frontend, tuple(str(app) for app in _apps_of(frontend, apps))

    def _frontend(self, frontend: Frontend, apps: Mapping[str, list[Json]]) -> Frontend:
        values = _frontend_values(frontend, apps)
        made = self._changed("frontend", _FRONTEND, frontend, values, f"frontend {frontend.name}")
        if made.name == Frontend.default_name(frontend.bind_address, frontend.bind_port):
            # The name by default tells the address.
            return replace(made, name=Frontend.default_name(made.bind_address, made.bind_port))
        return made

    def _backend(self, backend: Backend) -> Backend:
        if "service" in self._blocks:
            shape = _BACKEND.dump(backend)
            backend = replace(backend, services=tuple(self._service(one, shape) for one in backend.services))
        if "backend" not in self._blocks:
            return backend
        return self._changed("backend", _BACKEND, backend, _backend_values(backend), f"backend {backend.name}")

    def _service(self, service: Service, backend: Json) -> Service:
        app = app_view(service)
        values = {"service": _SERVICE.dump(service), "backend": backend, "app": app}
        return self._changed("service", _SERVICE, service, values, f"{app['name']} in backend {backend['name']}")

    def _changed(self, block: str, schema: Strict, before: T, values: Mapping[str, object], what: str) -> T:
        values = {**values_of(self._name), **values}
        printed: Any = self._program.block(block, values, what)
        if printed in (None, {}):
            return before
        if not isinstance(printed, dict):
            raise self._program.wrong(block, values, (), f"block {block} must print a JSON object for {what}")
        shape = merge(values[block], printed)
        # Fields that are not printed passed the rules before.
        told = {key: value for key, value in shape.items() if key in printed or key == "name"}
        try:
            made: T = schema.load(told)
        except ValidationError as error:
            [problem, *_] = problems_of(error.messages, told)
            said = str(problem).removeprefix("pool").lstrip(".")
            raise self._program.wrong(block, values, problem.steps, f"{said} ({what})") from error
        fields = [name for name, field in schema.fields.items() if (field.data_key or name) in printed]
        return replace(before, **{name: getattr(made, name) for name in fields})


def _each(
    what: str, objects: Sequence[K], make: Callable[[K], K], told: Callable[[K], str], proven: bool
) -> tuple[dict[K, K], tuple[Problem, ...]]:
    """What is made of each, and the problems of those of which nothing can be; raises InvalidSpec when none can, unless
    it is `proven` that some can. What is `told` of one stands in its problem.
    """
    made: dict[K, K] = {}
    failed: dict[int, InvalidSpec] = {}
    for index, one in enumerate(objects):
        try:
            made[one] = make(one)
        except InvalidSpec as error:
            failed[index] = InvalidSpec(error.path, f"{error.rule}; {told(one)}")
    if failed and not made and not proven:
        raise next(iter(failed.values()))
    return made, tuple(Problem(path=f"pool.haproxy.{what}[{at}]", rule=str(error)) for at, error in failed.items())


def _everywhere(pool: Pool, problems: Sequence[Problem]) -> bool:
    """Whether there is a problem of each frontend, or of each backend."""
    counted = Counter(problem.steps[1] for problem in problems)
    there = {"frontends": len(pool.haproxy.frontends), "backends": len(pool.haproxy.backends)}
    return any(counted[kind] == count for kind, count in there.items() if count)


def _frontend_values(frontend: Frontend, apps: Mapping[str, list[Json]]) -> Json:
    return {"frontend": _FRONTEND.dump(frontend), "apps": _apps_of(frontend, apps)}


def _backend_values(backend: Backend) -> Json:
    return {"backend": _BACKEND.dump(backend), "apps": _apps_behind(backend)}


def _apps_behind(backend: Backend) -> list[Json]:
    return [app_view(service) for service in backend.services]


def _apps_by_backend(pool: Pool) -> dict[str, list[Json]]:
    return {backend.name: _apps_behind(backend) for backend in pool.haproxy.backends}


def _apps_of(frontend: Frontend, apps: Mapping[str, list[Json]]) -> list[Json]:
    """The applications behind the backends that a frontend leads to, each once."""
    link = frontend.link_backend
    names = dict.fromkeys([*(rule.backend for rule in link.map), link.default_backend])
    found = {str(app): app for name in names for app in apps.get(name, ())}
    return list(found.values())


def _whose(kind: str, one: Frontend | Backend, apps: Sequence[Json]) -> str:
    """Which object it is, and whose; of many applications the first ones and how many others there are."""
    names = [f"{app['name']}/{app['container']}" if app["container"] else app["name"] for app in apps]
    others = len(names) - _MOST_NAMES
    more = f" and {others} other{'s' if others > 1 else ''}" if others > 0 else ""
    whose = f" of {', '.join(names[:_MOST_NAMES])}{more}" if names else ""
    return f"it is for {kind} {one.name}{whose}"
