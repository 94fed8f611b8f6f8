"""What lbmgr makes of our bundles: which changes are run-time commands and which are reloads."""

import pytest
from pool_executor.lbmgr.decide import decide
from pool_executor.lbmgr.decision import Dynamic, Noop, Reload

from api.dcos_template.endpoint import Endpoint, Kind
from api.dcos_template.rendering import render_pool
from pool_executor.lbmgr.content import Content, PartText
from pool_executor.lbmgr.runtime import capabilities
from scheduler.pools.model import MapRule, Pool
from tests.unit.api.dcos_template.pools import TCP, backend, frontend, pool

ONE = (Endpoint(Kind.AGENT_IP, "10.0.0.1", 10001),)
TWO = (*ONE, Endpoint(Kind.CONTAINER_IP, "10.9.0.2", 80, False))


def content(shape: Pool, endpoints: tuple[Endpoint, ...] = ONE) -> Content:
    rendering = render_pool(shape, {one.name: endpoints for one in shape.haproxy.backends})
    parts = {name: PartText(part=text.part, text=text.text) for name, text in rendering.texts.items()}
    return Content(parts=parts, ports=rendering.ports)


def decision(before: Content, after: Content) -> object:
    return decide(before, after, {*before.ports.values(), *after.ports.values()}, capabilities("2.6.12"), {})


def web(*rules: MapRule) -> Pool:
    return pool("web", frontend("web", "app", *rules), backend("app"), backend("api"))


@pytest.mark.parametrize(
    "balance", ["roundrobin", "leastconn", "first", "random", "source", "uri", "hdr(X-User)", "url_param user"]
)
def test_servers_come_and_go_without_a_reload(balance: str) -> None:
    """For every algorithm that HAProxy can extend at run time."""
    shape = pool("web", frontend("web", "app"), backend("app", balance=balance))
    for before, after in ((ONE, TWO), (TWO, ONE), ((), ONE), (ONE, ())):
        assert isinstance(decision(content(shape, before), content(shape, after)), Dynamic)


def test_tcp_servers_come_and_go_without_a_reload() -> None:
    """The mode makes no difference."""
    shape = pool("db", frontend("db", "db", **TCP), backend("db", **TCP))
    assert isinstance(decision(content(shape, ONE), content(shape, TWO)), Dynamic)


def test_a_new_host_or_path_between_existing_backends_is_a_map_edit() -> None:
    """Routing changes cost no reload either."""
    first = MapRule(backend="api", host_eq="a.example.com")
    before = content(web(first))
    for more in (
        MapRule(backend="api", host_eq="b.example.com"),
        MapRule(backend="app", path_beg="/static"),
        MapRule(backend="app", host_eq="a.example.com", path_beg="/x"),
    ):
        assert isinstance(decision(before, content(web(more, first))), Dynamic)


def test_a_new_backend_or_frontend_is_a_reload() -> None:
    """HAProxy has no run-time command for those."""
    before = content(web())
    more_backends = pool("web", frontend("web", "app"), backend("app"), backend("api"), backend("new"))
    more_frontends = pool("web", frontend("web", "app"), frontend("new"), backend("app"), backend("api"))
    assert isinstance(decision(before, content(more_backends)), Reload)
    assert isinstance(decision(before, content(more_frontends)), Reload)


def test_the_same_state_is_nothing_to_do() -> None:
    """Whatever the order of the input."""
    shape = web(MapRule(backend="api", path_beg="/api"))
    assert isinstance(decision(content(shape, TWO), content(shape, tuple(reversed(TWO)))), Noop)
