"""Why a backend has no servers."""

import re
from collections.abc import Collection, Mapping, Sequence

import pytest

from api.dcos_template.selecting.explain import Asked, Condition, why_no_servers
from api.mesos_listener.task import Port, Task, TaskKey
from scheduler.pools.model import Endpoint, EndpointType
from tests.unit.api.dcos_template.pools import task


class Index:
    """The tasks by their values, as the template keeps them."""

    def __init__(self, *tasks: Task) -> None:
        self._tasks = {one.key: one for one in tasks}

    def values(self, field: str) -> Mapping[str, Collection[TaskKey]]:
        found: dict[str, set[TaskKey]] = {}
        for key, one in self._tasks.items():
            value = {
                "mesos.frameworkName": one.framework_name,
                "mesos.frameworkID": one.framework_id,
                "marathon.serviceID": one.marathon_id,
                "mesos.taskName": one.name,
                "marathon.containerName": one.marathon_container,
                "mesos.taskID": one.id,
            }[field]
            if value:
                found.setdefault(value, set()).add(key)
        return found

    def task(self, key: TaskKey) -> Task:
        return self._tasks[key]


def exact(field: str, text: str) -> Condition:
    return Condition(field, text, False, text.__eq__)


def pattern(field: str, text: str) -> Condition:
    return Condition(field, text, True, lambda value: re.search(text, value) is not None)


def asked(*conditions: Condition, wish: Endpoint | None = None, left_out: str = "") -> Asked:
    return Asked(conditions, wish or Endpoint(), lambda _task: left_out)


WEB = task(
    "webapp-0-web",
    name="webapp-0-web",
    framework_name="webapp",
    framework_id="f2",
    ports=(Port(name="http", number=1),),
)
EDGE = task("edgelb-0", name="edgelb-pool-0-server", framework_name="edgelb", ports=())
SHOP = task("shop", name="shop", framework_name="marathon", framework_id="f3", marathon_id="/shop", marathon=True)
LIKE = task("like", name="like", framework_name="webapp", framework_id="f2", marathon_id="/like", marathon=False)
FRAMEWORK, NAME, SERVICE = "mesos.frameworkName", "mesos.taskName", "marathon.serviceID"
HTTPS = Endpoint(port_name="htttp")


@pytest.mark.parametrize(
    ("services", "tasks", "expected"),
    [
        (
            [asked(exact(FRAMEWORK, "nosuch"))],
            [EDGE, WEB],
            "no running task of framework nosuch; frameworks are edgelb, webapp",
        ),
        (
            [asked(exact(FRAMEWORK, "webap"))],
            [EDGE, WEB],
            "no running task of framework webap; frameworks are webapp, edgelb",
        ),
        (
            [asked(pattern(FRAMEWORK, "^x"))],
            [EDGE, WEB],
            "no running task of a framework that matches /^x/; frameworks are edgelb, webapp",
        ),
        ([asked(exact(FRAMEWORK, "webapp"))], [], "no task runs in the cluster"),
        (
            [asked(exact(NAME, "web"), exact(FRAMEWORK, "webapp"))],
            [EDGE, WEB],
            "no task of framework webapp is called web; tasks are webapp-0-web",
        ),
        (
            [asked(pattern(NAME, "^db"))],
            [EDGE, WEB],
            "no task matches /^db/; tasks are edgelb-pool-0-server, webapp-0-web",
        ),
        (
            [asked(exact(SERVICE, "/shp"))],
            [EDGE, LIKE, SHOP],
            "no Marathon service is called /shp; Marathon services are /shop",
        ),
        (
            [asked(exact(SERVICE, "/shp"))],
            [EDGE, LIKE],
            "no Marathon service is called /shp: no running task belongs to a Marathon",
        ),
        (
            [asked(exact(FRAMEWORK, "webapp"), exact(SERVICE, "/lik"))],
            [EDGE, LIKE, SHOP],
            "no Marathon service of framework webapp is called /lik; Marathon services are /like",
        ),
        (
            [asked(exact(FRAMEWORK, "webapp"), wish=HTTPS)],
            [WEB],
            "task webapp-0-web has no port named htttp; it has http",
        ),
        (
            [asked(exact(FRAMEWORK, "edgelb"), wish=HTTPS)],
            [EDGE],
            "task edgelb-pool-0-server has no port named htttp; it has no ports",
        ),
        (
            [asked(exact(FRAMEWORK, "services"))],
            [task("dns", framework_name="services", ports=(Port(name="dns", number=53, protocol="udp"),))],
            "task dns has UDP ports only, and HAProxy forwards TCP",
        ),
        ([asked(exact(FRAMEWORK, "edgelb"))], [EDGE], "task edgelb-pool-0-server has no ports"),
        (
            [asked(exact(FRAMEWORK, "webapp"), left_out="tells the loopback address 127.0.0.1")],
            [WEB],
            "task webapp-0-web tells the loopback address 127.0.0.1",
        ),
        (
            [asked(exact(FRAMEWORK, "webapp"), wish=Endpoint(type=EndpointType.CONTAINER_IP))],
            [WEB],
            "task webapp-0-web has no address of its own (endpoint type CONTAINER_IP)",
        ),
        ([], [WEB], "it has no services that select any"),
        (
            [asked(exact(FRAMEWORK, "a")), asked(exact(FRAMEWORK, "b")), asked(exact(FRAMEWORK, "a"))],
            [WEB],
            "no running task of framework a; frameworks are webapp; "
            "no running task of framework b; frameworks are webapp",
        ),
    ],
)
def test_the_first_condition_that_nothing_meets_is_told_with_what_there_is(
    services: Sequence[Asked], tasks: Sequence[Task], expected: str
) -> None:
    """The sentence names what was asked for and what there is instead, the most similar first."""
    assert why_no_servers(services, Index(*tasks)) == expected


def test_tasks_that_are_not_healthy_are_named() -> None:
    """They meet everything, and wait for their health check."""
    sick = [task(f"t{n}", name=f"t{n}", framework_name="webapp", healthy=False) for n in range(7)]
    fresh = task("new", name="new", framework_name="webapp", health_checked=True)
    service = asked(exact(FRAMEWORK, "webapp"))
    assert why_no_servers([service], Index(sick[0])) == "task t0 is not healthy"
    assert why_no_servers([service], Index(*sick)) == "7 tasks (t0, t1, t2, t3, t4 and 2 more) are not healthy"
    assert why_no_servers([service], Index(fresh)) == "task new has not passed a health check yet"


def test_names_of_others_are_bounded_and_printable() -> None:
    """Applications choose their names: neither their length nor their characters harm who reads the sentence."""
    wild = task("w", name="w", framework_name="x\n" + "y" * 5000)
    sentence = why_no_servers([asked(exact(FRAMEWORK, "z" * 5000))], Index(wild))
    assert len(sentence) < 400
    assert sentence.isprintable()


def test_many_services_are_a_few_sentences() -> None:
    """However many services a backend has."""
    services = [asked(exact(FRAMEWORK, f"f{number}")) for number in range(1000)]
    assert why_no_servers(services, Index(WEB)).endswith("and 997 more services select none")
