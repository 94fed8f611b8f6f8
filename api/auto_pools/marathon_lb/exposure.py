"""All labels of Marathon-LB that a task has as what it asks for, under the pool template `marathon-lb`. Pure."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from api.auto_pools.claim import App, Claim, Exposure, LabelProblem
from api.auto_pools.labels.known import are_short
from api.auto_pools.marathon_lb.names import DEPLOYMENT_GROUP, GROUP, PREFIX, Names, PortLabels, read_names
from api.auto_pools.marathon_lb.port import Port
from api.mesos_listener.task import Labels
from scheduler.pools.model import Endpoint
from scheduler.pools.problems import shown
from scheduler.pools.texts import link_name

TEMPLATE = "marathon-lb"
EXTERNAL = "external"
"""The group of load balancers that Marathon-LB is where nobody says otherwise."""
ALL = "*"
"""Whatever group an application names."""

_FIRST_PORT = Endpoint()
_MARATHON = "marathon"
#: As Marathon wants ids of applications; there is no underscore in them.
_ID = re.compile(r"(/[a-z0-9.-]+)+")


def read_marathon_lb(labels: Labels, app: App, ports: tuple[str, ...], group: str = EXTERNAL) -> Exposure | None:
    """`ports` are the names of the task's ports in their order, `group` is served; None: nothing is exposed there."""
    if not any(label.startswith(PREFIX) for label, _ in labels):
        return None
    return (_read if are_short(labels) else _read.__wrapped__)(labels, app, ports, group)


def unserved(labels: Labels, group: str = EXTERNAL) -> LabelProblem | None:
    """Why a task that has labels of Marathon-LB is not exposed by them; None when it has none, or is."""
    names = read_names(labels)
    if not names.texts or any(port.enabled and _names_group(names.groups(port), group) for port in names.ports):
        return None
    port = next((port for port in names.ports if _names_group(names.groups(port), group)), None)
    if port is not None:
        return LabelProblem(port.label("ENABLED"), shown(port.text("ENABLED")) or "", "must be true", "set it to true")
    said = names.texts.get(GROUP, "")
    remedy = f"name {group} in it, or in a label {PREFIX}<number>_GROUP for one port"
    return LabelProblem(GROUP, shown(said) or "", f"must name the group {group}, which is served", remedy)


@lru_cache(maxsize=16_384)
def _read(labels: Labels, app: App, ports: tuple[str, ...], group: str) -> Exposure | None:
    names = read_names(labels)
    served = [port for port in names.ports if port.enabled and _names_group(names.groups(port), group)]
    if not served:
        return None
    claims: list[Claim] = []
    problems: list[LabelProblem] = []
    for labels_of_port in served:
        backend = _backend(names, app, labels_of_port)
        endpoint = _endpoint(labels_of_port, ports)
        wrong = [one for one in (backend, endpoint) if isinstance(one, LabelProblem)]
        if isinstance(backend, LabelProblem) or isinstance(endpoint, LabelProblem):
            problems += wrong
            continue
        port = Port(labels_of_port, backend, endpoint)
        claims += port.claims()
        problems += port.problems
    return Exposure(template=TEMPLATE, claims=tuple(claims), problems=tuple(problems), not_applied=names.not_applied)


def _names_group(groups: frozenset[str], group: str) -> bool:
    return group in groups or (group == ALL and bool(groups))


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
