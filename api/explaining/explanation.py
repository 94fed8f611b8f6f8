"""The answer to a question about a request, as JSON. Pure.

Knows what a listener does, in its order: it answers by itself, or a rule or the default finds the backend, which
rewrites the request for one of its servers. Lines in HAProxy's words are named, not followed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from api.explaining.listener import Ports, conditions, elsewhere, listener, ports_of
from api.explaining.question import Question
from api.explaining.rewritten import rewritten
from pool_executor.contract import Server
from scheduler.pools.expression import BadExpression
from scheduler.pools.model import Backend, Frontend, MapRule, Pool
from scheduler.pools.model.headers import HeaderAction, HeaderRule
from scheduler.pools.routing import Target, host_mismatch, path_mismatch, value_mismatch
from scheduler.pools.stored.sparse import written
from sdk.errors import InvalidSpec

Json = dict[str, Any]

_MOST_RULES = 20
_MOST_HOSTS = 10
_MOST_SERVERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the pool at run time."""

    ports: Ports = field(default_factory=dict)
    servers: Mapping[str, Mapping[str, Server]] = field(default_factory=dict)
    """By backend and name."""
    backends: Sequence[Mapping[str, Any]] = ()
    """The rows of the pool's status."""


class Missed(NamedTuple):
    """A rule that does not match; `near` is one of which a part holds: of thousands those are what is looked for."""

    number: int
    why: str
    near: bool


def explanation(pool: Pool, question: Question, known: Known) -> Json:
    """Everything in its order; what the request does not come to is None or empty."""
    answer: Json = {
        "request": {"tls": question.tls, "port": question.port, "host": question.host, "path": question.url}
        | {"sni": question.sni or None},
        "listener": None,
        "redirect": None,
        "rules": [],
        "rulesLeftOut": 0,
        "backend": None,
        "sent": None,
        "servers": [],
        "serversLeftOut": 0,
        "notes": [],
    }
    frontend = listener(pool.haproxy.frontends, question, known.ports)
    if frontend is None:
        answer["result"] = _nobody_listens(pool, question, known.ports)
        return answer
    answer["listener"] = _listener(frontend, known.ports)
    answer["notes"] = list(_notes(frontend, question))
    if frontend.protocol.is_http and (place := elsewhere(frontend, question)) is not None:
        answer["redirect"] = {"status": place.status, "location": place.location, "by": place.by}
        answer["result"] = f"frontend {frontend.name} answers {place.status} and sends the client to {place.location}"
        return answer
    rules = frontend.link_backend.map if frontend.protocol.is_http else ()
    target = replace(question.target, headers=tuple(changed(frontend.request_headers, question.headers)))
    number = _add_rules(answer, rules, target)
    name = frontend.link_backend.default_backend if number is None else rules[number].backend
    why = "defaultBackend" if number is None else f"map[{number}]"
    backend = next((one for one in pool.haproxy.backends if one.name == name), None)
    if backend is None:
        answer["result"] = f"frontend {frontend.name} answers 503: no rule matches, and it has no defaultBackend"
        return answer
    answer["backend"] = {"name": name, "by": why, "protocol": backend.protocol, "balance": backend.balance}
    _add_sent(answer, frontend, backend, question)
    answer["result"] = f"frontend {frontend.name} asks backend {name} ({why}){_add_servers(answer, name, known)}"
    return answer


def _listener(frontend: Frontend, ports: Ports) -> Json:
    return {
        "frontend": frontend.name,
        "protocol": frontend.protocol,
        "address": frontend.bind_address,
        "ports": list(ports_of(frontend, ports)),
        "certificates": list(frontend.certificates) if frontend.protocol.is_tls else [],
    }


def _nobody_listens(pool: Pool, question: Question, ports: Ports) -> str:
    if question.frontend:
        return f"there is no frontend {question.frontend}; there are {_named(pool.haproxy.frontends, ports)}"
    there = _named(pool.haproxy.frontends, ports)
    return f"no frontend listens on port {question.port}; there are {there}. Name one, or give its port in the URL"


def _named(frontends: Sequence[Frontend], ports: Ports) -> str:
    named = (
        f"{one.name} ({', '.join(map(str, ports_of(one, ports))) or 'any port of the offer'})" for one in frontends
    )
    return ", ".join(named) or "none"


def _notes(frontend: Frontend, question: Question) -> Iterator[str]:
    """What may make it come out otherwise."""
    if question.tls is not frontend.protocol.is_tls:
        spoken, asked = ("TLS", "http") if frontend.protocol.is_tls else ("no TLS", "https")
        yield f"frontend {frontend.name} speaks {spoken}, and the URL begins with {asked}://"
    for condition in conditions(frontend):
        yield f"frontend {frontend.name} {condition}"


def _add_rules(answer: Json, rules: Sequence[MapRule], target: Target) -> int | None:
    """The rules up to the one that matches, whose number it is."""
    missed: list[Missed] = []
    match = None
    for number, rule in enumerate(rules):
        try:
            host, path = host_mismatch(rule, target), path_mismatch(rule, target)
            values = value_mismatch(rule, target)
        except BadExpression as error:
            host, path, values = f"an expression of it {error}", None, None
        if host is None and path is None and values is None:
            match = number
            break
        near = host is None or (path is None and rule.has_path)
        missed.append(Missed(number, host or path or values or "", near=near))
    kept = sorted(sorted(missed, key=lambda one: not one.near)[:_MOST_RULES])
    answer["rules"] = [_rule(one.number, rules[one.number], one.why) for one in kept]
    answer["rulesLeftOut"] = len(missed) - len(kept)
    if match is not None:
        answer["rules"].append(_rule(match, rules[match], None))
    return match


def _rule(number: int, rule: MapRule, why: str | None) -> Json:
    """A rule as the pool says it, and why it does not match."""
    conditions = {name: value for name, value in written(rule).items() if name != "backend"}
    if len(rule.hosts_eq) > _MOST_HOSTS:
        conditions["hostsEq"] = [*rule.hosts_eq[:_MOST_HOSTS], "..."]
    return {"rule": number, "conditions": conditions, "backend": rule.backend, "matches": why is None, "why": why}


def _add_sent(answer: Json, frontend: Frontend, backend: Backend, question: Question) -> None:
    """What a server is asked."""
    if backend.clients.allow or backend.clients.deny:
        answer["notes"].append(f"backend {backend.name} looks at the client's address (clients): others are refused")
    if not backend.protocol.is_http:
        return
    try:
        host, url, headers = rewritten(backend, question.host, question.url, port=question.port, tls=question.tls)
    except InvalidSpec as error:
        answer["notes"].append(f"backend {backend.name}: {error}")
        return
    changed = [_header(one) for one in frontend.request_headers if one.name.lower() != "host"]
    answer["sent"] = {"tls": backend.protocol.is_tls, "host": host, "path": url, "headers": [*changed, *headers]}
    if backend.basic_auth is not None:
        answer["notes"].append(f"backend {backend.name} asks for name and password (basicAuth): others get 401")
    if backend.rewrite_http.sticky.enabled:
        answer["notes"].append(f"backend {backend.name} is sticky: a client that has its cookie stays with its server")
    if backend.misc_strs:
        answer["notes"].append(f"backend {backend.name} has miscStrs, lines in HAProxy's words: not looked at here")


def changed(rules: Sequence[HeaderRule], headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of a request behind what a frontend does with them."""
    found = list(headers)
    for rule in rules:
        if rule.action is not HeaderAction.ADD:
            found = [(name, value) for name, value in found if name.lower() != rule.name.lower()]
        if rule.action is not HeaderAction.REMOVE:
            found.append((rule.name, rule.value))
    return found


def _header(rule: HeaderRule) -> str:
    return f"without {rule.name}" if rule.action is HeaderAction.REMOVE else f"{rule.name}: {rule.value}"


def _add_servers(answer: Json, name: str, known: Known) -> str:
    """The servers, and the end of the sentence that tells the result."""
    servers = sorted(known.servers.get(name, {}).values(), key=lambda one: one.name)
    answer["servers"] = [
        {"name": one.name, "address": one.address, "port": one.port, "state": one.state, "weight": one.weight}
        | {"task": one.task or None}
        for one in servers[:_MOST_SERVERS]
    ]
    answer["serversLeftOut"] = max(0, len(servers) - _MOST_SERVERS)
    row = next((one for one in known.backends if one.get("name") == name), {})
    if row.get("up") == 0:
        return f", which has no server: {row.get('reason')}"
    count = f"{len(servers)} server{'s' * (len(servers) != 1)}"
    if row.get("up") is None:
        return f", which has {count}; no load balancer says yet how many of them it can use"
    return f", which can use {row['up']} of {count}"
