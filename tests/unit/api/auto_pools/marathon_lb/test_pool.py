"""The pool of applications with Marathon-LB's labels."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.balancer_groups import TEMPLATE
from api.auto_pools.dialects import Dialects
from api.auto_pools.making.auto_pool import AutoPool
from api.mesos_listener.task import Port, Task
from scheduler.pools.checks import pool_problems
from scheduler.pools.model import Endpoint, Frontend, Pool
from tests.unit.api.auto_pools.marathon_lb.test_marathon_lb import labels as hostile


def task(name: str, labels: dict[str, str]) -> Task:
    """Of an app of that name, in the group `external`."""
    said = {"HAPROXY_GROUP": "external", **labels}
    return Task(
        id=f"{name}.1",
        framework_id="f1",
        framework_name="marathon",
        name=name,
        state="TASK_RUNNING",
        marathon=True,
        marathon_id=f"/{name}",
        ports=(Port(name="http", number=31000), Port(name="admin", number=31001)),
        labels=tuple(sorted(said.items())),
    )


def pool_of(*tasks: Task) -> Pool | None:
    """That of the pool template `marathon-lb`."""
    auto = AutoPool(TEMPLATE, partial(Dialects().read_under, TEMPLATE), base=Pool(name="auto-marathon-lb"))
    auto.update(tasks, (), 0.0)
    return auto.pool()


def frontends(pool: Pool) -> dict[int, Frontend]:
    """By their ports."""
    return {frontend.bind_port: frontend for frontend in pool.haproxy.frontends}


def test_hosts_share_two_frontends_and_have_a_backend_each() -> None:
    """Only that is redirected which asks for it."""
    pool = pool_of(
        task("shop", {"HAPROXY_0_VHOST": "shop.test", "HAPROXY_0_REDIRECT_TO_HTTPS": "true"}),
        task("blog", {"HAPROXY_0_VHOST": "blog.test", "HAPROXY_1_VHOST": "admin.test"}),
        task("db", {"HAPROXY_0_PORT": "5432"}),
    )
    assert pool is not None
    assert list(pool_problems(pool)) == []
    listening = frontends(pool)
    assert sorted(listening) == [80, 443, 5432]
    for port in (80, 443):
        hosts = {rule.host_eq: rule.backend for rule in listening[port].link_backend.map}
        assert hosts == {"shop.test": "shop_0", "blog.test": "blog_0", "admin.test": "blog_1"}
    assert [one.host_eq for one in listening[80].redirects] == ["shop.test"]
    assert listening[443].redirects == ()
    assert {backend.name: len(backend.services) for backend in pool.haproxy.backends} == {
        "shop_0": 1,
        "blog_0": 1,
        "blog_1": 1,
        "db_0": 1,
    }
    [admin] = [backend.services[0].endpoint for backend in pool.haproxy.backends if backend.name == "blog_1"]
    assert admin == Endpoint(port_name="admin")


def test_both_halves_of_a_deployment_are_in_one_backend() -> None:
    """Whichever came first."""
    said = {"HAPROXY_0_VHOST": "shop.test", "HAPROXY_DEPLOYMENT_GROUP": "shop"}
    pool = pool_of(task("shop-blue", said), task("shop-green", said))
    assert pool is not None
    assert list(pool_problems(pool)) == []
    [backend] = pool.haproxy.backends
    assert [service.marathon.service_id for service in backend.services] == ["/shop-blue", "/shop-green"]


@given(st.lists(hostile, max_size=4))
def test_whatever_labels_say_the_pool_breaks_no_rule(said: list[dict[str, str]]) -> None:
    """Applications that cannot be served together are not."""
    pool = pool_of(task("good", {"HAPROXY_0_PORT": "7777"}), *(task(f"a{at}", one) for at, one in enumerate(said)))
    assert pool is not None
    assert list(pool_problems(pool)) == []
    assert frontends(pool)[7777].link_backend.default_backend == "good_0"
