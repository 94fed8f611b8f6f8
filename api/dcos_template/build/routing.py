"""From the rules of a frontend to the lookups that follow them."""

from collections.abc import Sequence

from api.dcos_template.haproxy import MapFile, Routing
from api.dcos_template.routes import build_routes
from pool_executor.contract import HOSTS_MAPS, ROUTES_MAPS
from scheduler.pools.model import MapRule


def build_routing(rules: Sequence[MapRule], slug: str) -> Routing | None:
    """The lookups of a frontend whose files are called after `slug`; None when it has no rules."""
    if not rules:
        return None
    routes = build_routes(rules)
    return Routing(
        hosts=MapFile(name=f"{HOSTS_MAPS}{slug}.map", entries=routes.hosts),
        paths=MapFile(name=f"{ROUTES_MAPS}{slug}.map", entries=routes.paths),
        ports_in_hosts=routes.ports_in_hosts,
        turns=routes.turns,
    )
