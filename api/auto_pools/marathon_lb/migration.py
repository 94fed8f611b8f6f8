"""From Marathon-LB's labels of an application to those that ask for the same here, what differs, what cannot be. Pure.

The labels are those of the claims that Marathon-LB's labels are read as: what the pool template `marathon-lb` would
serve. Both kinds can stand side by side, and both balancers serve the application then.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from api.auto_pools.balancer_groups import EXTERNAL, BalancerGroups
from api.auto_pools.claim import DEFAULT_TEMPLATE, App, Claim, LabelProblem, Option
from api.auto_pools.labels import labels_of
from api.auto_pools.labels.names import TEMPLATE
from api.auto_pools.marathon_lb.apps import MarathonApp
from api.auto_pools.marathon_lb.exposure import read_marathon_lb
from api.auto_pools.marathon_lb.names import PREFIX, PortLabels, read_names
from api.auto_pools.templates.stored_template import name_problem
from scheduler.pools.model import AUTOCERT, CustomCheck, Protocol
from scheduler.pools.problems import shown
from scheduler.pools.words.health_check import request_problem

_HTTPS = 443
_SECURE = "-https"


class Migration(NamedTuple):
    """What becomes of an application."""

    app: str
    labels: Mapping[str, str]
    """Those to be added; none where nothing can be carried over."""
    differs: tuple[str, ...] = ()
    """Sentences about what will be otherwise than with Marathon-LB."""
    cannot: tuple[str, ...] = ()
    """Sentences about what cannot be carried over."""


def migrate(app: MarathonApp) -> Migration | None:
    """None for an application that Marathon-LB does not serve."""
    names = read_names(app.labels)
    labels = tuple(sorted({**dict(app.labels), **dict(_service_ports(app, names.ports))}.items()))
    served = [
        (port.number, groups) for port in read_names(labels).ports if port.enabled and (groups := names.groups(port))
    ]
    if not served:
        return None
    # What is served to some clients alone must not come to others, and an application is in one pool here.
    group = min(served[0][1], key=lambda name: (name != EXTERNAL, name))
    template = _template(group)
    cannot = [
        f"port {number} is for the load balancers {', '.join(sorted(groups))}, and the application for {group}"
        for number, groups in served
        if group not in groups
    ]
    if problem := name_problem(template):
        return Migration(app.id, {}, (), (*cannot, f"the group {shown(group)} {problem}"))
    exposure = read_marathon_lb(
        labels,
        App("marathon", app.id, marathon=True),
        tuple(port.name for port in app.ports),
        groups=BalancerGroups(frozenset({group})),
    )
    assert exposure is not None
    cannot += (_sentence(problem) for problem in (*exposure.problems, *exposure.not_applied))
    claims = dict(_groups(exposure.claims, app))
    try:
        written = labels_of(claims) if claims else {}
    except ValueError as error:
        return Migration(app.id, {}, (), (*cannot, f"{error}: labels cannot say it"))
    if written and template != DEFAULT_TEMPLATE:
        written = {**written, TEMPLATE: template}
    others = sorted(set().union(*(groups for _, groups in served)) - {group})
    differs = _differences(app, names.ports, claims, template, others) if written else ()
    return Migration(app.id, written, tuple(differs), tuple(cannot))


def _service_ports(app: MarathonApp, said: Sequence[PortLabels]) -> Iterator[tuple[str, str]]:
    """Service ports as labels: Marathon-LB listens at them where no label names another port.

    A port with virtual hosts is reached by them, as a rule; that its service port is gone is told.
    """
    known = {port.number: port for port in said}
    for number, port in enumerate(app.ports):
        labels = known.get(number, PortLabels(number, {}))
        if port.service and not labels.text("PORT") and not labels.text("VHOST"):
            yield f"{PREFIX}{number}_PORT", str(port.service)


def _groups(claims: Sequence[Claim], app: MarathonApp) -> Iterator[tuple[str, Claim]]:
    """Each claim by a group of its own, whose name has no dot."""
    paths = {str(number): port.check_path for number, port in enumerate(app.ports)}
    for claim in claims:
        base = re.sub("[^A-Za-z0-9_-]", "-", claim.group)
        if "." in claim.group:
            # Another application may be called so.
            base = f"{base}-{hashlib.sha256(claim.group.encode()).hexdigest()[:8]}"
        alike = [other for other in claims if other.group == claim.group]
        other = _SECURE if claim.port == _HTTPS else f"-{claim.port}"
        yield (
            base if claim is alike[0] else f"{base}{other}",
            _checked(claim, paths.get(re.split("[_:]", claim.group)[-1], "")),
        )


def _checked(claim: Claim, path: str) -> Claim:
    """With the check of Marathon, by which Marathon-LB checks servers as well."""
    request = f"GET {path}"
    protocol = dict(claim.backend)["protocol"].value
    if not path or protocol is not Protocol.HTTP or request_problem(request):
        return claim
    check = Option(CustomCheck(httpchk=True, httpchk_misc_str=request), "healthChecks")
    return replace(claim, backend=(*claim.backend, ("custom_check", check)))


def _template(group: str) -> str:
    """The pool template for the load balancers of that group."""
    return DEFAULT_TEMPLATE if group == EXTERNAL else re.sub("[^a-z0-9]+", "-", group.lower()).strip("-")


def _differences(
    app: MarathonApp, ports: Sequence[PortLabels], claims: Mapping[str, Claim], template: str, others: Sequence[str]
) -> Iterator[str]:
    if template != DEFAULT_TEMPLATE:
        yield f"it is in the pool of the template {template}: edgelb pool-template create {template}"
    if others:
        yield f"it is in one pool, and not in one for {', '.join(others)} as well"
    for port in ports:
        service = app.ports[port.number].service if port.number < len(app.ports) else 0
        if service and port.text("VHOST") and not port.text("PORT"):
            yield f"nothing listens at its service port {service}, only at those of its hosts"
        if port.text("SSL_CERT"):
            yield f"{port.label('SSL_CERT')} is a file: put certificate and key into a secret of the file's name"
        usual = "1" if port.text("PATH") else "0"
        if port.text("VHOST") and port.text("BACKEND_WEIGHT") not in ("", "0", usual):
            yield f"{port.label('BACKEND_WEIGHT')} has no effect: of a host's rules those that ask for more are first"
        if port.says("STICKY"):
            yield "another cookie keeps clients at their servers: each is sent to any of them once"
    for group, claim in claims.items():
        certificates = dict(claim.frontend).get("certificates")
        if certificates and certificates.value == (AUTOCERT,):
            label = f"edgelb.{group}.frontend.certificates"
            yield f"HTTPS has a certificate of the load balancer's own making; name a secret in {label} instead"


def _sentence(problem: LabelProblem) -> str:
    remedy = f"; {problem.remedy}" if problem.remedy else ""
    return f"{problem.label} {problem.rule}{remedy}"
