"""All labels of Marathon-LB that a task has as what it asks for, under each pool template of its groups. Pure."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from api.auto_pools.balancer_groups import ALL, TEMPLATE, BalancerGroups
from api.auto_pools.claim import App, Claim, Exposure, LabelProblem
from api.auto_pools.labels.known import are_short
from api.auto_pools.marathon_lb.names import DEPLOYMENT_GROUP, GROUP, PREFIX, Names, PortLabels, read_names
from api.auto_pools.marathon_lb.port import Port
from api.mesos_listener.task import Labels
from scheduler.pools.model import Endpoint
from scheduler.pools.problems import shown
from scheduler.pools.words.texts import link_name

_FIRST_PORT = Endpoint()
_MARATHON = "marathon"
#: As Marathon wants ids of applications; there is no underscore in them.
_ID = re.compile(r"(/[a-z0-9.-]+)+")
_USUAL = BalancerGroups()


def templates_under(labels: Labels, groups: BalancerGroups = _USUAL) -> tuple[str, ...]:
    """The pool templates under which a task with these labels is."""
    if not any(label.startswith(PREFIX) for label, _ in labels):
        return ()
    return (_templates if are_short(labels) else _templates.__wrapped__)(labels, groups)


def read_marathon_lb(
    labels: Labels, app: App, ports: tuple[str, ...], template: str = TEMPLATE, groups: BalancerGroups = _USUAL
) -> Exposure | None:
    """`ports` are the names of the task's ports in their order; None: nothing is exposed under the template."""
    if template not in templates_under(labels, groups):
        return None
    return (_read if are_short(labels) else _read.__wrapped__)(labels, app, ports, template, groups)


def unserved(labels: Labels, groups: BalancerGroups = _USUAL) -> LabelProblem | None:
    """Why a task that has labels of Marathon-LB is under no pool template; None when it has none, or is."""
    names = read_names(labels)
    if not names.texts or templates_under(labels, groups):
        return None
    port = next((port for port in names.ports if groups.templates(names.groups(port))), None)
    if port is not None:
        return LabelProblem(port.label("ENABLED"), shown(port.text("ENABLED")) or "", "must be true", "set it to true")
    said, which = names.texts.get(GROUP, ""), " or ".join(sorted(groups.served - {ALL})) or "one"
    rule = "must name a group of load balancers that is served" if said else "is missing, so no load balancer serves it"
    return LabelProblem(GROUP, shown(said) or "", rule, f"name {which}, for one port in a label {PREFIX}<number>_GROUP")


@lru_cache(maxsize=16_384)
def _templates(labels: Labels, groups: BalancerGroups) -> tuple[str, ...]:
    names = read_names(labels)
    found = (groups.templates(names.groups(port)) for port in names.ports if port.enabled)
    return tuple(dict.fromkeys(template for templates in found for template in templates))


@lru_cache(maxsize=16_384)
def _read(labels: Labels, app: App, ports: tuple[str, ...], template: str, groups: BalancerGroups) -> Exposure:
    names = read_names(labels)
    claims: list[Claim] = []
    problems: list[LabelProblem] = []
    for labels_of_port in names.ports:
        if not labels_of_port.enabled or template not in groups.templates(names.groups(labels_of_port)):
            continue
        backend = _backend(names, app, labels_of_port)
        endpoint = _endpoint(labels_of_port, ports)
        wrong = [one for one in (backend, endpoint) if isinstance(one, LabelProblem)]
        if isinstance(backend, LabelProblem) or isinstance(endpoint, LabelProblem):
            problems += wrong
            continue
        port = Port(labels_of_port, backend, endpoint)
        claims += port.claims()
        problems += port.problems
    return Exposure(template=template, claims=tuple(claims), problems=tuple(problems), not_applied=names.not_applied)


def _endpoint(labels: PortLabels, ports: Sequence[str]) -> Endpoint | LabelProblem:
    number = labels.number
    if number == 0:
        return _FIRST_PORT
    if number >= len(ports):
        rule = f"is about port {number}, and the task has {len(ports)}, counted from 0"
        return LabelProblem(labels.label(next(iter(labels.texts))), "", rule)
    name = ports[number]
    if not name or ports.count(name) > 1:
        rule = f"is about port {number}, which has no name of its own"
        return LabelProblem(labels.label(next(iter(labels.texts))), "", rule, "name the port in the application")
    return Endpoint(port_name=name)


def _backend(names: Names, app: App, labels: PortLabels) -> str | LabelProblem:
    """Both halves of a blue/green deployment have one backend, which is called like their group."""
    if deployment := names.texts.get(DEPLOYMENT_GROUP):
        name = f"{deployment.strip('/').replace('/', '_')}:{labels.number}"
        if problem := link_name(name):
            return LabelProblem(DEPLOYMENT_GROUP, shown(deployment) or "", f"{problem}: it is part of a backend's name")
        return name
    name = f"{app.name.strip('/').replace('/', '_')}_{labels.number}"
    if app == App(_MARATHON, app.name, marathon=True) and _ID.fullmatch(app.name) and link_name(name) is None:
        return name
    # Others may be called alike: no two applications have one backend.
    told = "".join(char if char.isascii() and char.isalnum() else "-" for char in app.name.strip("/"))
    return f"{told[:48]}__{hashlib.sha256(repr(app).encode()).hexdigest()[:16]}_{labels.number}"
