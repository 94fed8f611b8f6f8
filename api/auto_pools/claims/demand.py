"""What a claim needs for itself: the keys at which claims meet, and what each of them says there. Pure.

Two claims that say the same at a key get along; of two that say different things only one can be in a pool. Does not
know which one that is.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from hashlib import blake2b
from typing import NamedTuple

from api.auto_pools.claim import App, Claim, Option
from scheduler.pools.model import Endpoint, EndpointType, MapRule, Protocol
from scheduler.pools.model.asked import Asked
from scheduler.pools.stored.sparse import written

PROTOCOL, CERTIFICATES, NAME = "protocol", "certificates", "name"


class Conditions(NamedTuple):
    """Those of a rule at one of its hosts; every path begins with `/`, which asks for nothing."""

    host: str = ""
    host_reg: str = ""
    path_beg: str = ""
    path_end: str = ""
    path_reg: str = ""
    headers: tuple[Asked, ...] = ()
    cookies: tuple[Asked, ...] = ()

    def rule(self, group: str) -> MapRule:
        """The rule that sends what meets them to a group."""
        return MapRule(
            backend=group,
            host_eq=self.host,
            host_reg=self.host_reg,
            path_beg=self.path_beg if any(self) else "/",
            path_end=self.path_end,
            path_reg=self.path_reg,
            headers=self.headers,
            cookies=self.cookies,
        )

    def __str__(self) -> str:
        names = ("hostEq", "hostReg", "pathBeg", "pathEnd", "pathReg")
        said = [f"{name}:{text}" for name, text in zip(names, self[:5], strict=True) if text]
        said += [f"header {one.name}" for one in self.headers] + [f"cookie {one.name}" for one in self.cookies]
        return "|".join(said) or "pathBeg:/"


class Servers(NamedTuple):
    """Which servers a service has: ports of an application's tasks, or an address that needs no task.

    Tasks of one application with different labels may have different ports; each choice is a service of its own.
    """

    app: App | None
    ports: str


class Served(NamedTuple):
    """How the servers of a service are reached, and which share of the requests they ask for; None: there are none."""

    endpoint: Endpoint
    percent: int | None


class Route(NamedTuple):
    """Where requests go, and how early it is looked whether they do: of the rules for one host those with more weight
    come first."""

    group: str
    weight: int = 0


# The kinds of keys. `kind` keeps those of different kinds apart, which are tuples that could be equal.


class RuleKey(NamedTuple):
    """The value is the Route."""

    port: int
    conditions: Conditions
    kind: str = "rule"


class DefaultKey(NamedTuple):
    """All that comes to a port, where nothing is told apart; the value is the group."""

    port: int
    kind: str = "default"


class RedirectKey(NamedTuple):
    """The value is the Redirect."""

    port: int
    host: str
    path_eq: str
    path_beg: str
    kind: str = "redirect"


class FrontendKey(NamedTuple):
    """The value is that of the field of Frontend."""

    port: int
    field: str
    kind: str = "frontend"


class NameKey(NamedTuple):
    """Of a frontend; the value is its port."""

    name: str
    kind: str = "name"


class CertificateKey(NamedTuple):
    """All certificates of a port are served."""

    port: int
    file: str
    kind: str = "certificate"


class BackendKey(NamedTuple):
    """The value is that of the field of Backend."""

    group: str
    field: str
    kind: str = "backend"


class SplitKey(NamedTuple):
    """The value tells whether the services of the group have shares."""

    group: str
    kind: str = "split"


class ServiceKey(NamedTuple):
    """The value is Served."""

    group: str
    servers: Servers
    kind: str = "service"


class SecretKey(NamedTuple):
    """A secret of the store; nobody disagrees about it."""

    name: str
    kind: str = "secret"


Key = (
    RuleKey
    | DefaultKey
    | RedirectKey
    | FrontendKey
    | NameKey
    | CertificateKey
    | BackendKey
    | SplitKey
    | ServiceKey
    | SecretKey
)


class Demand(NamedTuple):
    """What a claim says at a key, and the label that says it."""

    key: Key
    value: object
    label: str


def demands_of(app: App, claim: Claim) -> tuple[Demand, ...]:
    """All of them, one for each key."""
    found = {demand.key: demand for demand in (*_of_frontend(claim), *_of_backend(app, claim))}
    return tuple(found.values())


def said_by(demands: tuple[Demand, ...], role: str) -> str:
    """All that is demanded by tasks of a role, as a text that is the same in every process."""
    return repr([role, *(_told(key, value) for key, value, _ in demands)])


def digest_of(said: str) -> str:
    """A short name of it."""
    return urlsafe_b64encode(blake2b(said.encode(errors="backslashreplace"), digest_size=6).digest()).decode()


def _told(key: Key, value: object) -> object:
    if isinstance(key, ServiceKey) and isinstance(value, Served):
        return key.group, key.servers.ports, _plain(value.endpoint), value.percent
    return (*key, _plain(value))


def _plain(value: object) -> object:
    """Without what has its default: another release may have other fields and means the same."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return written(value) if is_dataclass(value) else value


def conditions_of(rule: MapRule) -> Iterator[Conditions]:
    """For each of its hosts."""
    path_beg = "" if rule.path_beg == "/" else rule.path_beg
    for host in rule.hosts or ("",):
        yield Conditions(host, rule.host_reg, path_beg, rule.path_end, rule.path_reg, rule.headers, rule.cookies)


def servers_of(app: App, claim: Claim) -> Servers:
    """Those of a claim."""
    endpoint = claim.endpoint
    if endpoint.type is EndpointType.ADDRESS:
        return Servers(None, f"{endpoint.address} {endpoint.port}")
    return Servers(app, f"{endpoint.type} {endpoint.port or ''} {endpoint.all_ports} {endpoint.port_name}")


def route_of(claim: Claim, conditions: Conditions) -> Route:
    """That of a rule of the claim."""
    return Route(claim.group, claim.weight or int(bool(conditions.path_beg)))


def _of_frontend(claim: Claim) -> Iterator[Demand]:
    port, group = claim.port, claim.group
    rules_label = claim.rules_label or f"edgelb.{group}.frontend.rules"
    for rule in claim.rules:
        for conditions in conditions_of(rule):
            yield Demand(RuleKey(port, conditions), route_of(claim, conditions), rules_label)
    if not claim.rules:
        yield Demand(DefaultKey(port), group, f"edgelb.{group}.frontend.port")
    for redirect in claim.redirects:
        key = RedirectKey(port, redirect.host_eq, redirect.path_eq, redirect.path_beg)
        yield Demand(key, redirect, rules_label)
    for field, option in _with_protocol(claim.frontend, f"edgelb.{group}.frontend.protocol"):
        if field == CERTIFICATES:
            yield from (Demand(CertificateKey(port, name), True, option.label) for name in certificates_of(option))
            continue
        yield Demand(FrontendKey(port, field), option.value, option.label)
        if field == NAME:
            yield Demand(NameKey(str(option.value)), port, option.label)


def _of_backend(app: App, claim: Claim) -> Iterator[Demand]:
    group = claim.group
    for field, option in _with_protocol(claim.backend, f"edgelb.{group}.backend.protocol"):
        yield Demand(BackendKey(group, field), option.value, option.label)
    yield Demand(SplitKey(group), claim.percent is not None, f"edgelb.{group}.backend.percent")
    label = claim.endpoint_label or f"edgelb.{group}.backend.endpoint"
    yield Demand(ServiceKey(group, servers_of(app, claim)), Served(claim.endpoint, claim.percent), label)
    yield from (Demand(SecretKey(name), True, "") for name in claim.secrets)


def certificates_of(option: Option) -> tuple[str, ...]:
    """The files that an option of certificates names."""
    return option.value if isinstance(option.value, tuple) else ()


def _with_protocol(options: tuple[tuple[str, Option], ...], label: str) -> Iterator[tuple[str, Option]]:
    """Who says nothing of the protocol means the usual one: nobody else may change it beneath him."""
    yield from options
    if all(field != PROTOCOL for field, _ in options):
        yield PROTOCOL, Option(Protocol.HTTP, label)
