"""Why an application is exposed or not: each reason, what is looked for, and what is said of all tasks together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from api.mesos_listener.task import Task, TaskKey
from api.why.answer import answer
from api.why.facts import facts
from api.why.places import Place, urls_of
from api.why.questions import tell
from api.why.reason import serving
from api.why.search import MOST_TASKS, search
from scheduler.pools.model import Haproxy, LinkBackend, MapRule, Pool, Protocol
from tests.unit.api.dcos_template.pools import backend, frontend, pool

Json = dict[str, Any]
SHOP = Task(
    id="shop.1",
    framework_id="f1",
    framework_name="marathon",
    name="web.shop",
    state="TASK_RUNNING",
    marathon=True,
    marathon_id="/shop/web",
    labels=(("edgelb.expose", "true"),),
)
SERVICE: Json = {
    "pool": "auto-default",
    "backend": "__default__",
    "servers": [{"at": "10.0.0.1:31000", "state": "ready"}],
    "leftOut": "",
}
POOL: Json = {
    "state": "ready",
    "summary": "",
    "instances": ["edgelb-pool-0-server"],
    "refused": {},
    "waiting": {},
    "urls": {"__default__": ["http://192.0.2.1/"]},
    "frontendsOf": {"__default__": ["frontend_0.0.0.0_80"]},
}
OK: Json = {"status": "OK", "message": "is in the pool", "uris": []}


def task(**fields: Any) -> Task:
    """The task with other fields."""
    return msgspec.structs.replace(SHOP, **fields)


# -- which tasks are meant


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("shop.1", ["shop.1"]),
        ("web.shop", ["shop.1", "shop.2"]),
        ("/shop/web", ["shop.1", "shop.2"]),
        ("shop/web", ["shop.1", "shop.2"]),
        ("marathon/shop/web", ["shop.1", "shop.2"]),
        ("marathon/web.shop", ["shop.1", "shop.2"]),
        ("kafka/broker", ["k.1"]),
        ("broker", ["k.1"]),
        ("/broker", []),
        ("marathon/broker", []),
        ("marathon", ["shop.1", "shop.2"]),
        ("shop", []),
    ],
)
def test_a_task_is_found_by_its_id_or_by_what_its_application_is_called(text: str, found: list[str]) -> None:
    """An id is of one task, names are of all of an application."""
    broker = Task(id="k.1", framework_id="f2", framework_name="kafka", name="broker", marathon_id="/broker")
    tasks = [task(id="shop.2"), SHOP, broker]
    assert [one.id for one in search(tasks, text).tasks] == found


def test_where_there_is_none_similar_names_are_told() -> None:
    """Few of them."""
    assert search([SHOP], "/shop/wbe").near == ("/shop/web",)
    assert search([SHOP], "web.shpo").near == ("web.shop",)
    assert search([SHOP], "x" * 10_000).near == ()


def test_of_many_tasks_the_first_are_looked_at() -> None:
    """The others are counted."""
    found = search([task(id=f"shop.{at:04}") for at in range(1000)], "/shop/web")
    assert (len(found.tasks), found.total) == (MOST_TASKS, 1000)


# -- the first reason


@pytest.mark.parametrize(
    ("fields", "services", "statuses", "pools", "reason"),
    [
        ({"state": "TASK_STAGING"}, [SERVICE], {"default": OK}, {"auto-default": POOL}, "it is not running yet"),
        ({"state": "TASK_KILLING"}, [SERVICE], {"default": OK}, {"auto-default": POOL}, "it is ending"),
        ({"healthy": False}, [], {"default": OK}, {}, "its health check fails"),
        ({"health_checked": True}, [], {"default": OK}, {}, "its health check has not passed yet"),
        ({"labels": ()}, [], {}, {}, "no service of a pool selects it, and it has no label edgelb.expose"),
        ({"labels": (("edgelb.expose", "yes"),)}, [], {}, {}, 'edgelb.expose: yes must be exactly "true"'),
        ({"labels": (("HAPROXY_GROUP", "in_1"),)}, [], {}, {}, "HAPROXY_GROUP: in_1 must name a group"),
        (
            {"labels": (("HAPROXY_GROUP", "external,in"),)},
            [],
            {"marathon-lb": {"status": "RENDER_ERR", "message": "taken by /b"}, "marathon-lb-in": None},
            {},
            "taken by /b",
        ),
        (
            {"labels": (("HAPROXY_GROUP", "in"),)},
            [],
            {},
            {},
            "it is under the pool template marathon-lb-in, which there is not",
        ),
        ({"labels": (), "notes": ("its labels edgelb... are not used: x",)}, [], {}, {}, "its labels edgelb..."),
        ({}, [], {"default": None}, {}, "it is under the pool template default, which there is not"),
        ({}, [], {"default": {"status": "RENDER_ERR", "message": "taken by /b"}}, {}, "taken by /b"),
        ({}, [], {"default": OK}, {}, "the pool auto-default was not told of it yet"),
        ({"labels": ()}, None, {}, {}, "the template process is too busy"),
        (
            {},
            [SERVICE | {"servers": [], "leftOut": "it has no port named web"}],
            {"default": OK},
            {"auto-default": POOL},
            "backend __default__ of pool auto-default selects it, but it has no port named web",
        ),
        ({}, [SERVICE], {"default": OK}, {}, "pool auto-default was deleted"),
        (
            {},
            [SERVICE],
            {"default": OK},
            {"auto-default": POOL | {"instances": [], "state": "pending", "summary": "no agent fits"}},
            "pool auto-default has no load balancer: it is pending, no agent fits",
        ),
        (
            {},
            [SERVICE],
            {"default": OK},
            {"auto-default": POOL | {"refused": {"shop.1": {"lb.1": "too many servers"}}}},
            "the load balancers of pool auto-default refuse it: too many servers",
        ),
        (
            {},
            [SERVICE],
            {"default": OK},
            {"auto-default": POOL | {"frontendsOf": {}}},
            "no frontend of pool auto-default leads to its backend __default__",
        ),
        (
            {},
            [SERVICE],
            {"default": OK},
            {"auto-default": POOL | {"waiting": {"frontend_0.0.0.0_80": {"edgelb-pool-0-server": "the port 80"}}}},
            "nothing listens at frontend_0.0.0.0_80 yet, since the load balancers of pool auto-default lack the port",
        ),
    ],
)
def test_the_first_thing_in_the_way_is_told(
    fields: Json, services: list[Json] | None, statuses: Json, pools: Json, reason: str
) -> None:
    """As a sentence."""
    found = serving(facts(task(**fields), services, statuses), pools)
    assert (found.serves, found.where) == (False, ())
    assert found.reason.startswith(reason)


def test_a_task_serves_where_nothing_is_in_the_way() -> None:
    """Also by a pool that somebody wrote, whatever its labels say."""
    found = serving(facts(SHOP, [SERVICE], {"default": OK}), {"auto-default": POOL})
    assert (found.serves, found.where) == (True, ("backend __default__ of pool auto-default",))
    static = SERVICE | {"pool": "web", "backend": "app"}
    known = {"web": POOL | {"frontendsOf": {"app": ["f"]}, "urls": {"app": []}}}
    assert serving(facts(task(labels=()), [static], {}), known).serves


def test_one_load_balancer_that_has_it_is_enough() -> None:
    """Another one refuses it, perhaps for a while."""
    two = POOL | {"instances": ["a", "b"], "refused": {"shop.1": {"lb.1": "x"}}}
    assert serving(facts(SHOP, [SERVICE], {"default": OK}), {"auto-default": two}).serves


# -- all together


def told(*tasks: Json, total: int = 0, near: tuple[str, ...] = (), complete: bool = True) -> Json:
    """As the template process tells it."""
    return {"tasks": list(tasks), "total": total or len(tasks), "near": list(near), "complete": complete}


GOOD = facts(SHOP, [SERVICE], {"default": OK})
BAD = facts(task(id="shop.2", healthy=False), [], {"default": OK})


@pytest.mark.parametrize(
    ("known", "exposed", "sentence"),
    [
        (told(GOOD), True, "/shop is exposed: it serves, at http://192.0.2.1/"),
        (told(GOOD, GOOD), True, "/shop is exposed: all 2 tasks serve, at http://192.0.2.1/"),
        (told(GOOD, total=7), True, "/shop is exposed: 1 of 7 looked at serve, at http://192.0.2.1/"),
        (
            told(GOOD, BAD),
            True,
            "/shop is exposed: 1 of 2 tasks serve, at http://192.0.2.1/; of the others: its health check fails",
        ),
        (told(BAD), False, "/shop is not exposed: its health check fails"),
        (told(), False, "no running task has the id, the name, the Marathon id or the framework /shop"),
        (
            told(near=("/shp",)),
            False,
            "no running task has the id, the name, the Marathon id or the framework /shop; did you mean /shp?",
        ),
        (told(complete=False), False, "no task /shop is known yet: the template process has not heard of all"),
    ],
)
def test_one_sentence_is_the_answer(known: Json, exposed: bool, sentence: str) -> None:
    """What is behind it stands below."""
    found = answer("/shop", known, {"auto-default": POOL})
    assert found["exposed"] is exposed
    assert found["answer"].startswith(sentence)
    assert [one["serves"] for one in found["tasks"]] == [one is GOOD for one in known["tasks"]]


def test_what_cannot_be_followed_is_told_of_tasks_that_serve_too() -> None:
    """One group of labels is in the pool, and another one is not; of tasks that do not serve it is the reason."""
    lost = {"status": "RENDER_ERR", "message": "edgelb.b.frontend.rules: taken", "uris": []}
    serves, fails = facts(SHOP, [SERVICE], {"default": lost}), facts(task(id="shop.2"), [], {"default": lost})
    found = answer("/shop", told(serves, serves), {"auto-default": POOL})
    assert (found["exposed"], found["notes"]) == (True, [lost["message"]])
    assert answer("/shop", told(GOOD), {"auto-default": POOL})["notes"] == []
    assert answer("/shop", told(fails), {"auto-default": POOL})["notes"] == []


def test_the_template_process_asks_those_who_know() -> None:
    """Only of the tasks that are meant, and of their pool templates."""
    asked: list[object] = []

    def statuses(template: str, keys: Sequence[TaskKey]) -> Json:
        asked.append((template, list(keys)))
        return {"auto-default": {"message": "m", "statuses": {"f1": {"shop.1": OK}}}}

    others = [task(id="other", name="other", marathon_id="/other", labels=(("edgelb.template", "x"),))]
    found = tell(
        "/shop/web",
        [SHOP, *others],
        complete=True,
        services=lambda keys: {key: [SERVICE] for key in keys},
        statuses=statuses,
    )
    assert [one["id"] for one in found["tasks"]] == ["shop.1"]
    assert found["tasks"][0]["templates"] == {"default": OK}
    assert found["tasks"][0]["services"] == [SERVICE]
    assert asked == [("default", [SHOP.key])]


def test_a_pool_template_that_is_not_there_and_a_task_that_was_not_looked_at() -> None:
    """Are two things."""
    gone = tell("shop.1", [SHOP], complete=True, services=lambda _: {}, statuses=lambda _template, _keys: {})
    assert gone["tasks"][0]["templates"] == {"default": None}
    new = {"auto-default": {"message": "soon", "statuses": {}}}
    fresh = tell("shop.1", [SHOP], complete=True, services=lambda _: None, statuses=lambda _template, _keys: new)
    assert fresh["tasks"][0]["templates"]["default"]["status"] == "NEW"
    assert fresh["tasks"][0]["services"] is None


# -- URLs


def test_urls_are_those_of_rules_and_of_the_load_balancers_addresses() -> None:
    """At the ports where frontends really listen."""
    rules = (
        MapRule(backend="a", host_eq="a.test", path_beg="/x"),
        MapRule(backend="a", host_eq="b.test:8080"),
        MapRule(backend="b", path_beg="/b"),
        MapRule(backend="c", host_eq="*.c.test"),
        MapRule(backend="c", host_reg="^c"),
    )
    shape = pool(
        "web",
        frontend("plain", "d", *rules, bind_port=80),
        frontend("any", "a", bind_port=0),
        frontend("bytes", "t", bind_port=5432, protocol=Protocol.TCP),
        *(backend(name) for name in "abcd"),
        backend("t", protocol=Protocol.TCP),
    )
    at = {
        "plain": [Place("192.0.2.1", 80), Place("192.0.2.2", 80)],
        "any": [Place("192.0.2.1", 31000), Place("fd00::1", 31001)],
        "bytes": [Place("192.0.2.1", 5432)],
    }
    assert urls_of(shape, at) == {
        "a": ["http://a.test/x", "http://b.test:8080/", "http://192.0.2.1:31000/", "http://[fd00::1]:31001/"],
        "b": ["http://192.0.2.1/b", "http://192.0.2.2/b"],
        "c": [],
        "d": ["http://192.0.2.1/", "http://192.0.2.2/"],
        "t": ["tcp://192.0.2.1:5432"],
    }


def test_a_pool_without_frontends_has_no_urls() -> None:
    """Nor one whose frontend leads nowhere."""
    assert urls_of(Pool(name="web"), {}) == {}
    bare = replace(frontend("web", ""), link_backend=LinkBackend())
    assert urls_of(Pool(name="web", haproxy=Haproxy(frontends=(bare,))), {}) == {}
