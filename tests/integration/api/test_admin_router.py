"""Behind an Admin Router that gives each user some paths: a tenant with one pool can use that pool and no other."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from api.validation.trials import Trials
from api.web.main import ApiServer, ApiSettings
from tests.support.admin_router import SERVICE, AdminRouter
from tests.support.pools import minimal
from tests.support.zookeeper import ZooKeeperServer, session

pytestmark = pytest.mark.integration

TENANT, OPERATOR = "tenant", "operator"
MARK = "theirs-only"
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    OPERATOR: (SERVICE,),
    TENANT: (f"{SERVICE}:/pools/mine", f"{SERVICE}:/v2/pools/mine"),
    "old": (f"{SERVICE}:/v1/loadbalancers/old",),
    "reader": (f"{SERVICE}:/config", f"{SERVICE}:/ping"),
}


def pool(name: str, **changes: Any) -> dict[str, Any]:
    """A pool that can be told from others in any answer."""
    return minimal(name=name, namespace=MARK if name == "theirs" else "mine", **changes)


@pytest.fixture(scope="module")
def url(zookeeper: ZooKeeperServer, trials: Trials) -> Iterator[str]:
    """An API of this file's own: its start takes longer than all that is asked of it."""
    with session(zookeeper) as connection:
        settings = ApiSettings(zk=zookeeper.address, zk_root=f"/t-{uuid.uuid4().hex[:12]}", listen="127.0.0.1:0")
        running = ApiServer(settings, connection, trials)
        yield f"http://{running.start()}"
        running.stop()


@pytest.fixture(params=[True, False], ids=["looks at normal paths", "looks at paths as they are"])
def router(url: str, request: pytest.FixtureRequest) -> Iterator[AdminRouter]:
    """In front of an API with a pool of the tenant's and one of somebody else's."""
    made = AdminRouter(url, PERMISSIONS, normalizes=request.param)
    for name in ("mine", "theirs"):
        assert made.ask(OPERATOR, "POST", "/v2/pools", pool(name)).status == 200
    assert MARK in made.ask(OPERATOR, "GET", "/v2/pools/theirs").body
    yield made
    for name in ("mine", "theirs", "old"):
        made.ask(OPERATOR, "DELETE", f"/v2/pools/{name}")


ALLOWED: tuple[tuple[str, str, str, object, int], ...] = (
    ("reader", "GET", "/ping", None, 200),
    ("reader", "GET", "/config", None, 200),
    (TENANT, "GET", "/pools/mine", None, 200),
    (TENANT, "GET", "/v2/pools/mine", None, 200),
    (TENANT, "GET", "/v2/pools/mine/status", None, 200),
    (TENANT, "GET", "/v2/pools/mine/lbtemplate", None, 200),
    (TENANT, "PUT", "/v2/pools/mine", pool("mine", count=2), 200),
    (TENANT, "DELETE", "/v2/pools/mine", None, 204),
)


def test_a_permission_is_enough_for_what_it_names(router: AdminRouter) -> None:
    """The paths are those that permissions are documented for."""
    for user, method, path, body, status in ALLOWED:
        assert router.ask(user, method, path, body).status == status, path


def test_a_pool_of_version_1_is_its_tenants(router: AdminRouter) -> None:
    """Under its own paths; they lead to no other pool."""
    server = {"framework": {"value": "marathon"}, "task": {"value": "app"}, "port": {"name": "web"}}
    frontends = [{"bindPort": 81, "protocol": "HTTP", "linkBackend": {"defaultBackend": "app"}}]
    old = {
        "name": "old",
        "haproxy": {"frontends": frontends, "backends": [{"name": "app", "protocol": "HTTP", "servers": [server]}]},
    }
    assert router.ask(OPERATOR, "POST", "/v1/loadbalancers", old).status == 200
    assert router.ask("old", "GET", "/v1/loadbalancers/old").status == 200
    assert router.ask("old", "PUT", "/v1/loadbalancers/old", old).status == 200
    assert router.ask("old", "PUT", "/v1/loadbalancers/old", {**old, "name": "theirs"}).status == 400
    assert router.ask("old", "GET", "/v1/loadbalancers/mine").refused


OTHERS: tuple[tuple[str, str, object], ...] = (
    ("GET", "/v2/pools", None),
    ("POST", "/v2/pools", pool("new")),
    ("GET", "/v2/pools/theirs", None),
    ("GET", "/v2/pools/mine2", None),
    ("DELETE", "/v2/pools/theirs", None),
    ("GET", "/v2/config", None),
    ("PUT", "/v1/all", {"pools": []}),
    ("POST", "/v2/uninstall", {"confirm": "edgelb"}),
)


def test_nothing_else_is_reached(router: AdminRouter) -> None:
    """The API is not even asked."""
    assert [one for one in OTHERS if not router.ask(TENANT, *one).refused] == []


ODD_PATHS = (
    "/v2/pools/mine/../theirs",
    "/v2/pools/mine/%2e%2e/theirs",
    "/v2/pools/mine%2F..%2Ftheirs",
    "/v2/pools/mine/..%2ftheirs/status",
    "/v2/pools/mine//../theirs",
    "/v2/pools/mine/status/../../theirs",
    "/v2/pools/mine/./theirs",
    "/v2/pools/mine;/../theirs",
    "/v2/pools/mine%00/../theirs",
    "/v2/pools/mine/%252e%252e/theirs",
    "/pools/mine/../../v2/pools/theirs",
    "/v2/pools/mine/service/edgelb/v2/pools/theirs",
    "/v2/pools/mine?name=theirs",
    "/v2/pools/mine?pool=theirs",
)


def test_no_way_of_writing_a_path_leads_to_the_pool_of_another(router: AdminRouter) -> None:
    """Wherever the two read it differently, nobody is led anywhere."""
    before = router.ask(OPERATOR, "GET", "/v2/pools/theirs").body
    for path in ODD_PATHS:
        assert MARK not in router.ask(TENANT, "GET", path).body, path
        router.ask(TENANT, "PUT", path, pool("theirs", count=5))
        router.ask(TENANT, "DELETE", path)
        assert router.ask(OPERATOR, "GET", "/v2/pools/theirs").body == before, path


def test_a_body_names_no_other_pool(router: AdminRouter) -> None:
    """A PUT writes the pool of its path or nothing."""
    before = router.ask(OPERATOR, "GET", "/v2/pools/theirs").body
    answer = router.ask(TENANT, "PUT", "/v2/pools/mine", pool("theirs"))
    assert answer.status == 400
    assert "pool.name" in json.loads(answer.body)["message"]
    assert router.ask(OPERATOR, "GET", "/v2/pools/theirs").body == before
