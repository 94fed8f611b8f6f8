"""Whether a claim can stand in a pool beside what is held at its port and in its group. Pure.

The rules across the objects of a pool are asked about one that is as small as can be: the claim's own rules and service
with the options that would be in force. What is wrong there is the claim's own fault, so nobody else is left out.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from api.auto_pools.claim import LabelProblem, Option
from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import CERTIFICATES, NAME, Served, servers_of
from api.auto_pools.claims.holders import Sharers
from api.auto_pools.making.backends import service_of
from api.auto_pools.secret_files import secret_file
from scheduler.pools import checks
from scheduler.pools.checks.reserved import reserved
from scheduler.pools.model import (
    AUTOCERT,
    DEFAULT_ADDRESS,
    SECRETS,
    Backend,
    Frontend,
    Haproxy,
    LinkBackend,
    Pool,
    Secret,
    Service,
)
from scheduler.pools.problems import Problem
from scheduler.pools.stored.sparse import key_of
from scheduler.pools.words import texts

_WHOLE = 100
_MOST_KNOWN = 1_000
_REMEDY = "change what the label says"
_STEP = re.compile(r"(frontends|backends)\[\d+\]\.(\w+)")


class Judge:
    """Knows what all pools of a template have in common: `base`."""

    def __init__(self, base: Pool) -> None:
        self._base = base
        self._known: dict[Hashable, Problem | None] = {}

    def problem(self, claim: AppClaim, port: Sharers, group: Sharers) -> LabelProblem | None:
        """The first rule that would be broken."""
        for label, value, rule in _names(claim):
            if rule is not None:
                return LabelProblem(label, value, rule, _REMEDY)
        found = self._problem(claim, port, group)
        return None if found is None else blamed(claim, found)

    def _problem(self, claim: AppClaim, port: Sharers, group: Sharers) -> Problem | None:
        """Most claims differ only in hosts, paths and names, which the rules across objects do not look at."""
        said = claim.claim
        others = tuple(_others(claim, group))
        rules = frozenset(
            (bool(one.hosts_eq and one.host_eq), one.has_conditions, one.headers, one.cookies) for one in said.rules
        )
        kind = (
            *(said.port, _given(said.frontend), said.secrets, said.redirects, rules),
            *(_given(said.backend), said.endpoint, said.percent is None, others),
            *(tuple(port.options.items()), bool(port.certificates), tuple(group.options.items())),
        )
        if kind not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[kind] = next(checks.pool_problems(self._pool(claim, port, group, others)), None)
        return self._known[kind]

    def _pool(self, claim: AppClaim, port: Sharers, group: Sharers, others: tuple[Service, ...]) -> Pool:
        said, files = claim.claim, {secret_file(name): name for name in claim.claim.secrets}
        options: dict[str, Any] = {**port.options, **_values(said.frontend)}
        # Those of others come in any case; which they are does not matter here.
        certificates = options.pop(CERTIFICATES, ()) or (AUTOCERT,) * bool(port.certificates)
        for name in _texts((port.options.get("tls"), group.options.get("tls"))):
            if name.startswith(SECRETS):
                files.setdefault(name.removeprefix(SECRETS), name.removeprefix(SECRETS))
        options.setdefault(NAME, Frontend.default_name(options.get("bind_address", DEFAULT_ADDRESS), said.port))
        frontend = Frontend(
            **{**options, "redirects": (*options.get("redirects", ()), *said.redirects)},
            bind_port=said.port,
            certificates=certificates,
            link_backend=LinkBackend(map=said.rules, default_backend="" if said.rules else said.group),
        )
        of_backend: dict[str, Any] = {**group.options, **_values(said.backend)}
        backend = Backend(**of_backend, name=said.group, services=(_service(claim, _WHOLE), *others))
        return replace(
            self._base,
            secrets=tuple(
                dict.fromkeys((*self._base.secrets, *(Secret(secret=name, file=file) for file, name in files.items())))
            ),
            haproxy=Haproxy(stats=self._base.haproxy.stats, frontends=(frontend,), backends=(backend,)),
        )


def blamed(claim: AppClaim, problem: Problem) -> LabelProblem:
    """The problem as one of the label that says it."""
    said = claim.claim
    label, found = said.rules_label or f"edgelb.{said.group}.frontend.rules", _STEP.search(problem.path)
    if found is not None:
        of, key = found.groups()
        options = said.frontend if of == "frontends" else said.backend
        known = {key_of(name): option.label for name, option in options}
        if key == "services":
            label = said.endpoint_label or f"edgelb.{said.group}.backend.endpoint"
        elif key != "linkBackend":
            label = known.get(key, f"edgelb.{said.group}.{of[:-1]}.{'port' if key == 'bindPort' else key}")
    elif ".secrets[" in problem.path:
        label = f"edgelb.{said.group}.frontend.certificates"
    return LabelProblem(label, problem.value or "", problem.rule, _REMEDY)


def _names(claim: AppClaim) -> Iterator[tuple[str, str, str | None]]:
    """What is no option, and may be anything that somebody called something."""
    app, group = claim.app, claim.group
    yield f"edgelb.{group}", group, reserved(group) or texts.link_name(group)
    yield "edgelb.expose", app.name, texts.plain(app.name) if app.name else "is no name"
    yield "edgelb.expose", app.framework, texts.plain(app.framework) if app.framework else "is no name"
    yield "edgelb.expose", app.container, texts.plain(app.container)
    for field, option in claim.claim.frontend:
        if field == NAME and str(option.value).startswith("frontend_"):
            yield option.label, str(option.value), "is how frontends are called that are given no name"


def _others(claim: AppClaim, group: Sharers) -> Iterator[Service]:
    """Other services of the group, where the claim says something new of their backend."""
    if any(field not in group.options for field, _ in claim.claim.backend):
        for one in {other.claim.endpoint: other for other in group.claims}.values():
            yield _service(one, 0)


def _service(claim: AppClaim, percent: int) -> Service:
    said = claim.claim
    service = service_of(servers_of(claim.app, said), Served(said.endpoint, said.percent))
    return service if said.percent is None else replace(service, percent=percent)


def _texts(value: object) -> Iterator[str]:
    """All that are in a value of the model."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
    elif is_dataclass(value):
        yield from _texts(tuple(getattr(value, one.name) for one in fields(value)))


def _values(options: tuple[tuple[str, Option], ...]) -> dict[str, object]:
    return {field: option.value for field, option in options}


def _given(options: tuple[tuple[str, Option], ...]) -> tuple[tuple[str, object], ...]:
    return tuple((field, option.value) for field, option in options)
