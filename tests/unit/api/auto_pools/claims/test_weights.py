"""Rules whose weight puts them before others of the same host."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.balancer_groups import TEMPLATE
from api.auto_pools.claims.ledger import EMPTY, Ledger
from api.auto_pools.dialects import Dialects
from api.auto_pools.making.auto_pool import AutoPool
from api.auto_pools.making.statuses import RenderStatus
from api.mesos_listener.task import Port, Task
from scheduler.pools.checks import pool_problems
from scheduler.pools.model import Pool
from scheduler.pools.routing import Target, first_match
from tests.unit.api.auto_pools.exposed import Cluster, routes


def task(app: str, *, host: str = "a.test", path: str = "", weight: str = "", started: float = 0.0) -> Task:
    """Of an application with Marathon-LB's labels."""
    said = {"GROUP": "external", "0_VHOST": host, "0_PATH": path, "0_BACKEND_WEIGHT": weight}
    return Task(
        id=f"{app.strip('/').replace('/', '_')}.{path.strip('/')}.{weight}",
        framework_id="f1",
        framework_name="marathon",
        name=app.strip("/"),
        state="TASK_RUNNING",
        marathon=True,
        marathon_id=app,
        started=started,
        ports=(Port(name="http", number=31000),),
        labels=tuple(sorted((f"HAPROXY_{label}", text) for label, text in said.items() if text)),
    )


def cluster(ledger: Ledger = EMPTY) -> Cluster:
    """Nothing runs there yet."""
    read = partial(Dialects().read_under, TEMPLATE)
    return Cluster(AutoPool(TEMPLATE, read, base=Pool(name="auto-marathon-lb"), ledger=ledger))


def test_a_path_comes_first_without_weights() -> None:
    """Whoever asks for more of a host is looked at first."""
    pool = cluster().start(task("/shop/web"), task("/shop/blog", path="/blog"))
    assert routes(pool) == ["a.test/blog -> shop_blog_0", "a.test -> shop_web_0"]


@pytest.mark.parametrize(("whole", "path"), [("2", ""), ("5", "4"), ("", "-1"), ("1", "-3")])
def test_the_most_weight_comes_first(whole: str, path: str) -> None:
    """As Marathon-LB has it: by default a rule with a path weighs 1, one without 0."""
    pool = cluster().start(task("/shop/blog", path="/blog", weight=path))
    assert pool is not None
    held = cluster()
    held.start(task("/shop/blog", path="/blog", weight=path))
    pool = held.start(task("/shop/web", weight=whole))
    assert routes(pool) == ["a.test -> shop_web_0", "a.test/blog -> shop_blog_0"]
    assert pool is not None
    assert list(pool_problems(pool)) == []


@pytest.mark.parametrize(("whole", "path"), [("1", ""), ("5", "5"), ("0", "0"), ("-1", "-1"), ("-5", "-2")])
def test_with_no_more_weight_a_path_comes_first(whole: str, path: str) -> None:
    """Then what asks for more is looked at first."""
    pool = cluster().start(task("/shop/web", weight=whole), task("/shop/blog", path="/blog", weight=path))
    assert routes(pool) == ["a.test/blog -> shop_blog_0", "a.test -> shop_web_0"]


def test_nobody_of_another_group_loses_requests_by_weight() -> None:
    """The newcomer is told, and is served once the other one is gone."""
    held, blog, thief = cluster(), task("/blog/web", path="/blog"), task("/shop/web", weight="9")
    held.start(blog)
    assert routes(held.start(thief)) == ["a.test/blog -> blog_web_0"]
    told = held.status(thief)
    assert told.status is RenderStatus.RENDER_ERR
    assert "would take requests for hostEq:a.test|pathBeg:/blog at port 80 from /blog/web of marathon" in told.message
    held.stop(blog)
    assert routes(held.wait()) == ["a.test -> shop_web_0"]
    assert held.status(thief).status is RenderStatus.OK


def test_what_comes_behind_a_rule_of_more_weight_is_told() -> None:
    """It would be in the pool for nothing, whosever it is."""
    held, shop, blog = cluster(), task("/shop/web", weight="9"), task("/shop/blog", path="/blog")
    held.start(shop)
    assert routes(held.start(blog)) == ["a.test -> shop_web_0"]
    assert "would get no request: /shop/web of marathon holds hostEq:a.test" in held.status(blog).message
    held.stop(shop)
    assert routes(held.wait()) == ["a.test/blog -> shop_blog_0"]


def test_another_weight_is_another_claim() -> None:
    """Its tasks are replaced one by one: the old weight counts until the last of them ended."""
    held, old, new = cluster(), task("/shop/web", weight="1"), task("/shop/web", weight="5")
    held.start(old, task("/shop/blog", path="/blog"))
    held.start(new)
    assert "is not possible with another weight" in held.status(new).message
    assert routes(held.stop(old)) == ["a.test -> shop_web_0", "a.test/blog -> shop_blog_0"]


hosts = st.sampled_from(["a.test", "*.test", "a.test:81"])
asked = st.builds(
    task,
    st.sampled_from(["/shop/a", "/shop/b", "/blog/c", "/blog/d"]),
    host=hosts,
    path=st.sampled_from(["", "/x", "/x/y"]),
    weight=st.sampled_from(["", "-2", "1", "2", "7"]),
)


@given(st.lists(asked, max_size=6, unique_by=lambda one: one.marathon_id))
def test_nobody_gets_what_another_family_has_by_name(tasks: list[Task]) -> None:
    """Each application that is held gets the request that it names, unless one of its own group takes it by weight."""
    held = cluster()
    for one in tasks:
        held.start(one)
    pool = held.auto.pool()
    for one in tasks:
        if held.status(one).status is not RenderStatus.OK:
            continue
        labels = dict(one.labels)
        host = labels["HAPROXY_0_VHOST"].replace("*", "other")
        [rules] = (
            [frontend.link_backend.map for frontend in pool.haproxy.frontends if frontend.bind_port == 80]
            if pool
            else []
        )
        rule = first_match(rules, Target.of(host, labels.get("HAPROXY_0_PATH", "/")))
        assert rule is not None
        assert rule.backend.split("_")[0] == one.marathon_id.split("/")[1]
