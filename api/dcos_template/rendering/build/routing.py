"""From the rules of a frontend to the lookups and attempts that follow them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from api.dcos_template.rendering.haproxy import Attempt, MapFile, Routing
from api.dcos_template.rendering.haproxy.asked import AskedAcl, Where
from api.dcos_template.rendering.routes import Tried, build_routes
from pool_executor.contract import HOSTS_MAPS, ROUTES_MAPS
from scheduler.pools.expression import BadExpression, plain
from scheduler.pools.model import Asked, MapRule
from sdk.errors import InvalidSpec

# HAProxy takes 64 words in a line. What is asked of headers and cookies is one each.
_HOSTS_IN_A_LINE = 20


def build_routing(rules: Sequence[MapRule], slug: str) -> Routing | None:
    """The lookups of a frontend whose files are called after `slug`; None when it has no rules."""
    if not rules:
        return None
    routes = build_routes(rules)
    return Routing(
        hosts=MapFile(name=f"{HOSTS_MAPS}{slug}.map", entries=routes.hosts),
        paths=MapFile(name=f"{ROUTES_MAPS}{slug}.map", entries=routes.paths),
        ports_in_hosts=routes.ports_in_hosts,
        wildcards=routes.wildcards,
        turns=routes.turns,
        attempts=tuple(attempt for tried in routes.tried for attempt in _attempts(tried)),
    )


def _attempts(tried: Tried) -> Iterator[Attempt]:
    """One, or one for some hosts each, of which only one has to be that of the request."""
    rule = tried.rule
    path = f"linkBackend.map[{tried.number}]"
    whole = Attempt(
        field=path,
        value=tried.value,
        host_reg=_plain(rule.host_reg, f"{path}.hostReg", lower=True),
        path_beg=rule.path_beg,
        path_end=rule.path_end,
        path_reg=_plain(rule.path_reg, f"{path}.pathReg"),
        asked=tuple(_asked(tried.number, rule, path)),
    )
    if not rule.hosts:
        yield whole
    ends = [host.removeprefix("*") for host in rule.hosts if host.startswith("*")]
    with_port = [host for host in rule.hosts if ":" in host]
    names = [host for host in rule.hosts if not host.startswith("*") and ":" not in host]
    most = _HOSTS_IN_A_LINE - len(whole.asked)
    for some in _batches(names, most):
        yield replace(whole, names=some)
    for some in _batches(with_port, most):
        yield replace(whole, names_with_port=some)
    for some in _batches(ends, most):
        yield replace(whole, ends=some)


def _batches(hosts: Sequence[str], most: int) -> Iterator[tuple[str, ...]]:
    for at in range(0, len(hosts), most):
        yield tuple(hosts[at : at + most])


def _asked(number: int, rule: MapRule, path: str) -> Iterator[AskedAcl]:
    kinds: tuple[tuple[str, Where, tuple[Asked, ...]], ...] = (
        ("headers", Where.HEADER, rule.headers),
        ("cookies", Where.COOKIE, rule.cookies),
    )
    every = ((f"{path}.{field}[{at}]", where, one) for field, where, some in kinds for at, one in enumerate(some))
    for count, (field, where, one) in enumerate(every):
        yield AskedAcl(
            acl=f"edgelb_asked_{number}_{count}",
            where=where,
            name=one.name,
            value=one.value_eq,
            expression=_plain(one.value_reg, f"{field}.valueReg"),
        )


def _plain(text: str, field: str, *, lower: bool = False) -> str:
    try:
        return plain(text, lower=lower) if text else ""
    except BadExpression as error:
        raise InvalidSpec(field, f"{text!r:.80} {error}") from error
