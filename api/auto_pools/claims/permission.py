"""Whether policy lets an application have what it claims. Pure.

Knows rules and one claim. Does not know who else claims something (contest.py).
"""

from collections.abc import Iterator
from dataclasses import fields

from api.auto_pools.claim import App, Claim, LabelProblem, Option
from api.auto_pools.claims.demand import PROTOCOL, Conditions, conditions_of
from api.auto_pools.claims.policy import Rule, below
from scheduler.pools.model import Endpoint, EndpointType, Protocol
from scheduler.pools.stored.sparse import key_of
from scheduler.pools.words.texts import normal_host
from sdk.net.address import parse
from sdk.net.network import network_problem, within

_ASK = "ask whoever administers the pool template"


def refusal(rule: Rule, app: App, claim: Claim) -> LabelProblem | None:
    """The first thing of a claim that the rule does not allow."""
    return next(_refusals(rule, app, claim), None)


def _refusals(rule: Rule, app: App, claim: Claim) -> Iterator[LabelProblem]:
    label = f"edgelb.{claim.group}.frontend"
    if rule.ports is not None and not any(low <= claim.port <= high for low, high in rule.ports):
        ports = ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in rule.ports)
        yield _refused(rule, f"{label}.port", str(claim.port), f"one of the ports {ports}" if ports else "no port")
    for conditions in (one for item in claim.rules for one in conditions_of(item)):
        rules_label = claim.rules_label or f"{label}.rules"
        if rule.hosts is not None and not _may_have_host(rule.hosts, conditions):
            yield _refused(rule, rules_label, str(conditions), f"hosts of {_list(rule.hosts)}")
        if rule.paths is not None and not any(_is_below(path, conditions.path_beg) for path in rule.paths):
            yield _refused(rule, rules_label, str(conditions), f"paths that begin with {_list(rule.paths)}")
    if not claim.rules and rule.hosts is not None:
        yield _refused(rule, f"{label}.protocol", "", f"hosts of {_list(rule.hosts)}, which only HTTP and HTTPS tell")
    elif not claim.rules and rule.paths is not None:
        yield _refused(rule, f"{label}.protocol", "", f"paths of {_list(rule.paths)}, which only HTTP and HTTPS tell")
    for secret in claim.secrets:
        if not _may_have_secret(rule, app, secret):
            yield _refused_secret(rule, app, claim, secret)
    endpoint = claim.endpoint
    if endpoint.type is EndpointType.ADDRESS and not any(_has_address(one, endpoint.address) for one in rule.addresses):
        yield _refused_address(rule, claim)
    if rule.options is not None:
        for name, told_by in _options(claim):
            if not any(_fits(pattern, name) for pattern in rule.options):
                yield _refused(rule, told_by, "", f"the options {_list(rule.options)}")


def _refused(rule: Rule, label: str, value: str, allowed: str) -> LabelProblem:
    return LabelProblem(label, value, f"is not allowed: the policy for {rule} allows {allowed}", f"say that, or {_ASK}")


def _refused_address(rule: Rule, claim: Claim) -> LabelProblem:
    label = claim.endpoint_label or f"edgelb.{claim.group}.backend.endpoint"
    allowed = f"the addresses {_list(rule.addresses)}" if rule.addresses else "no address"
    return LabelProblem(
        label,
        claim.endpoint.address,
        f"is not allowed: labels expose tasks of their own application, and the policy for {rule} allows {allowed}",
        f"leave the address out, or {_ASK}",
    )


def _has_address(allowed: str, address: str) -> bool:
    host, parsed = normal_host(address), parse(address)
    if network_problem(allowed) is None:
        return parsed is not None and within(parsed, allowed)
    return allowed in ("*", host) or (allowed.startswith("*.") and host.endswith(allowed[1:]))


def _refused_secret(rule: Rule, app: App, claim: Claim, secret: str) -> LabelProblem:
    told_by = next((one.label for _, one in claim.frontend if secret in repr(one.value)), "")
    label = told_by or f"edgelb.{claim.group}.frontend.certificates"
    if rule.secrets is not None:
        return _refused(rule, label, secret, f"the secrets {_list(rule.secrets)}")
    group = secret.rpartition("/")[0].strip("/")
    return LabelProblem(
        label,
        secret,
        f"is a secret of applications in or below /{group}, which {app} is not",
        "name one of its own group or one without a slash",
    )


def _may_have_host(hosts: tuple[str, ...], conditions: Conditions) -> bool:
    """A pattern could be found in any host, and whoever names none has all of them."""
    host = conditions.host.partition(":")[0]
    return bool(host) and any(
        host == allowed or (allowed.startswith("*") and host.removeprefix("*").endswith(allowed[1:]))
        for allowed in hosts
    )


def _is_below(allowed: str, path: str) -> bool:
    return not allowed.strip("/") or path == allowed or path.startswith(allowed.rstrip("/") + "/")


def _may_have_secret(rule: Rule, app: App, secret: str) -> bool:
    name = secret.strip("/")
    if rule.secrets is not None:
        return any(name == one or (one.endswith("/*") and name.startswith(one[:-1])) for one in rule.secrets)
    group = name.partition("#")[0].rpartition("/")[0]
    return not group or below(group, app.name if app.marathon else app.framework)


def _options(claim: Claim) -> Iterator[tuple[str, str]]:
    """What is said beyond ports and rules, as labels call it, and the label that says it."""
    for of, options in (("frontend", claim.frontend), ("backend", claim.backend)):
        yield from ((f"{of}.{key_of(name)}", option.label) for name, option in options if _is_said(name, option))
    if claim.percent is not None:
        yield "backend.percent", f"edgelb.{claim.group}.backend.percent"
    for one in fields(Endpoint):
        # Which of its own ports an application means is nobody else's business.
        if one.name != "port_name" and getattr(claim.endpoint, one.name) != getattr(_USUAL, one.name):
            yield f"backend.endpoint.{key_of(one.name)}", claim.endpoint_label


_USUAL = Endpoint()


def _is_said(name: str, option: Option) -> bool:
    """The protocol is known in any case."""
    return name != PROTOCOL or option.value not in (Protocol.HTTP, Protocol.HTTPS)


def _fits(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _list(items: tuple[str, ...]) -> str:
    return ", ".join(items) or "none"
