"""Applications that expose themselves by labels, on a whole system: real tasks, real load balancers, real requests."""

import contextlib
import http.client
import json
import re
import ssl
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from tests.e2e.conftest import CHECKOUT, QUICK, System, running
from tests.support.marathon import Launched, Marathon
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

POOL = "auto-default"
GRACE = 3
NOT_OFFERED = re.compile(r"runs on agent\d without ports? 22\b.* not offered: agents offer ")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running stack without a pool, where applications without tasks are soon forgotten."""
    options = replace(QUICK, environment={"EDGELB_AUTO_POOLS_GRACE": str(GRACE)})
    with running(tmp_path_factory.mktemp("stack"), options) as system:
        yield system


@pytest.fixture(scope="module")
def marathon(system: System) -> Iterator[Marathon]:
    """The stand-in for Marathon."""
    with Marathon(f"127.0.0.1:{system.stack.layout.master}") as marathon:
        yield marathon


@pytest.fixture(scope="module")
def port(system: System) -> int:
    """One that an agent offers, at which the applications want to be reached."""
    return system.unused_ports(0, 1)[0]


def definition(app: str, labels: dict[str, str]) -> dict[str, Any]:
    """An app that answers its own name."""
    return {
        "id": f"/{app}",
        "cmd": f"cd {CHECKOUT} && exec {sys.executable} -m examples.webapp --name {app}",
        "cpus": 0.1,
        "mem": 32,
        "disk": 0,
        "env": {},
        "healthChecks": [],
        "taskKillGracePeriodSeconds": 3,
        "portDefinitions": [{"name": "http"}],
        "labels": labels,
    }


def launch(marathon: Marathon, app: str, rules: str, port: object) -> Launched:
    """A task of the app, which is exposed by these rules."""
    asked = {"port": str(port), "rules": rules}
    said = {f"edgelb.{app}.frontend.{name}": text for name, text in asked.items()}
    return marathon.launch(definition(app, {"edgelb.expose": "true", **said}))


def answers(port: int, host: str, path: str = "/") -> str:
    """Who answers through the pool's load balancer."""
    url = f"http://127.0.0.1:{port}{path}"
    answer = urllib3.request("GET", url, headers={"Host": host}, retries=False, timeout=5)
    return answer.data.decode() if answer.status == 200 else str(answer.status)


def reached(port: int, app: str, host: str, path: str = "/") -> None:
    """Wait until the app answers."""
    wait_until(lambda: app in answers(port, host, path), 60, f"{app} at {host}{path}")


def pools(system: System) -> list[str]:
    return [one["name"] for one in system.stack.get(f"{system.stack.api}/v2/pools")]


def version(system: System) -> int:
    """How often the pool was written."""
    found: int = system.status(POOL)["version"]
    return found


def told(system: System) -> dict[str, Any]:
    """How it stands with the pool of the default template, as the API tells it."""
    found: dict[str, Any] = system.stack.get(f"{system.stack.api}/v2/pooltemplates/default/status")[POOL]
    return found


def statuses(system: System) -> dict[str, str]:
    """Of each task."""
    return {task: one["status"] for framework in told(system)["statuses"].values() for task, one in framework.items()}


def why(system: System, app: str) -> dict[str, Any]:
    """What `edgelb why` is told."""
    found: dict[str, Any] = system.stack.get(f"{system.stack.api}/v2/why?task=/{app}")
    return found


def test_applications_are_reached_under_what_their_labels_say(system: System, marathon: Marathon, port: int) -> None:
    """From the first label to the last task: nobody writes a pool, and nobody can hurt a neighbour."""
    shop = launch(marathon, "shop", "hostEq:shop.test", port)
    reached(port, "shop", "shop.test")
    blog = launch(marathon, "blog", "hostEq:blog.test|pathBeg:/blog", port)
    reached(port, "blog", "blog.test", "/blog/1")
    before = version(system)

    thief = launch(marathon, "thief", "hostEq:shop.test", port)
    wrong = launch(marathon, "wrong", "hostEq:wrong.test", "many")
    wanted = {one.task_id: "OK" for one in (shop, blog)} | {one.task_id: "RENDER_ERR" for one in (thief, wrong)}
    wait_until(lambda: statuses(system) == wanted, 30, "the statuses of all tasks")
    assert "shop" in answers(port, "shop.test")
    assert version(system) == before
    assert why(system, "shop")["answer"] == f"/shop is exposed: it serves, at http://shop.test:{port}/"
    assert "is held by /shop of marathon" in why(system, "thief")["answer"]
    assert "must be a whole number" in why(system, "wrong")["answer"]
    assert why(system, "shpo")["near"] == ["/shop"]

    again = launch(marathon, "shop", "hostEq:shop.test", port)
    wait_until(lambda: marathon.status(again).get("state") == "TASK_RUNNING", 30, "another task of the shop")
    marathon.kill(shop)
    wait_until(lambda: shop.task_id not in statuses(system), 30, "the end of the first one")
    reached(port, "shop", "shop.test")
    assert version(system) == before

    system.kill(system.child("template"))
    news = launch(marathon, "news", "hostEq:news.test", port)
    reached(port, "news", "news.test")
    assert "shop" in answers(port, "shop.test")
    assert version(system) == before + 1

    for task in (again, blog, thief, wrong, news):
        marathon.kill(task)
    wait_until(lambda: POOL not in pools(system), 60, "the end of the pool")
    wait_until(lambda: told(system)["status"] == "NO_TASKS", 30, "no tasks any more")
    wait_until(lambda: not system.task_ids(POOL), 60, "the end of its load balancers")


# -- labels of Marathon-LB

HASH = "$5$rounds=1000$salt$ztSWsC8raABA2O8AFbMN0CvSHk681YWW3aAVs3vs.18"
PASSWORD = "open"
#: Labels `HAPROXY_0_...` by application, all in the group `external` unless they say otherwise.
SAID: dict[str, dict[str, str]] = {
    "team/shop": {"VHOST": "shop.test,www.shop.test", "STICKY": "true"},
    "team/blog": {"VHOST": "shop.test", "PATH": "/blog"},
    "team/safe": {"VHOST": "safe.test", "REDIRECT_TO_HTTPS": "true"},
    "team/locked": {"VHOST": "locked.test", "AUTH": f"Shop:ann:{HASH}"},
    "team/all": {"VHOST": "heavy.test", "BACKEND_WEIGHT": "5"},
    "team/none": {"VHOST": "heavy.test", "PATH": "/x"},
    "team/inside": {"VHOST": "inside.test", "GROUP": "internal"},
    "pair-blue": {"VHOST": "pair.test"},
    "pair-green": {"VHOST": "pair.test"},
}
#: What clients ask for: the host, the path, whether by TLS, and the user and password.
ASKED: dict[str, tuple[str, str, bool, str]] = {
    "host": ("shop.test", "/", False, ""),
    "other host": ("www.shop.test", "/blog", False, ""),
    "path": ("shop.test", "/blog/1", False, ""),
    "by TLS": ("shop.test", "/blog/1", True, ""),
    "redirect": ("safe.test", "/a?b=c", False, ""),
    "redirected": ("safe.test", "/a?b=c", True, ""),
    "no password": ("locked.test", "/", False, ""),
    "password": ("locked.test", "/", False, f"ann:{PASSWORD}"),
    "weight": ("heavy.test", "/x/1", False, ""),
    "inside": ("inside.test", "/", False, ""),
}


def said_by(app: str) -> dict[str, str]:
    """All its labels."""
    deployment = {"HAPROXY_DEPLOYMENT_GROUP": "pair", "HAPROXY_DEPLOYMENT_COLOUR": app.partition("-")[2]}
    own = {f"HAPROXY_0_{name}": text for name, text in SAID[app].items()}
    return {"HAPROXY_GROUP": "external", **own, **(deployment if app.startswith("pair-") else {})}


def asked(ports: dict[int, int], host: str, path: str, by_tls: bool, user: str) -> tuple[int, str, str]:
    """The status of the answer, who gives it, and where the client is sent; `ports` are those for 80 and 443."""
    # Whoever made the certificate is not known to anybody.
    trusting = ssl._create_unverified_context()
    port = ports[443 if by_tls else 80]
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=trusting)
        if by_tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    )
    headers = {"Host": host, **(urllib3.make_headers(basic_auth=user) if user else {})}
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("X-Instance", ""), answer.getheader("Location", "")


def moved(ports: dict[int, int]) -> str:
    """A pool template whose load balancers listen at ports that agents here offer."""
    return f"""{{% extends "default" %}}
{{% block frontend %}}{{"bindPort": {{{{ {ports} [frontend.bindPort] }}}}}}{{% endblock %}}
"""


def test_labels_of_marathon_lb_are_served_as_they_are_and_as_what_they_become(
    system: System, marathon: Marathon
) -> None:
    """By the template that reads them, and by labels that `edgelb migrate` makes of them: what differs is told."""
    numbers = system.unused_ports(0, 4)
    ports = {"marathon-lb": dict(zip((80, 443), numbers[:2], strict=True))}
    ports["default"] = dict(zip((80, 443), numbers[2:], strict=True))
    apps = [{**definition(app, said_by(app)), "portDefinitions": [{"name": "http"}]} for app in SAID]
    printed = system.edgelb("migrate", "marathon-lb", "--apps", "-", "--json", stdin=json.dumps(apps))
    assert printed.returncode == 0, printed.stderr
    migrated = {one["id"]: one for one in json.loads(printed.stdout)}
    assert any("BACKEND_WEIGHT has no effect" in sentence for sentence in migrated["/team/all"]["differs"])
    assert migrated["/team/inside"]["labels"]["edgelb.template"] == "internal"

    assert system.edgelb("pool-template", "create", "marathon-lb").returncode == 0
    for template, given in ports.items():
        done = system.edgelb("pool-template", "update", template, "-", stdin=moved(given))
        assert done.returncode == 0, done.stderr
    tasks = [marathon.launch({**app, "labels": migrated[app["id"]]["all"]}) for app in apps]
    expected = {
        "host": (200, "team/shop", ""),
        "other host": (200, "team/shop", ""),
        "path": (200, "team/blog", ""),
        "by TLS": (200, "team/blog", ""),
        "redirect": (301, "", "https://safe.test/a?b=c"),
        "redirected": (200, "team/safe", ""),
        "no password": (401, "", ""),
        "password": (200, "team/locked", ""),
        "weight": (200, "team/all", ""),
        "inside": (503, "", ""),
    }
    differs = {"weight": (200, "team/none", "")}
    colours = {"pair-blue", "pair-green"}
    for template, wanted in (("marathon-lb", expected), ("default", expected | differs)):
        wait_until(
            lambda: {what: asked(ports[template], *one) for what, one in ASKED.items()} == wanted,  # noqa: B023 - called here
            90,
            f"the answers of auto-{template}",
        )
        wait_until(
            lambda: {asked(ports[template], "pair.test", "/", False, "")[1] for _ in range(10)} == colours,  # noqa: B023 - called here
            30,
            f"both colours of auto-{template}",
        )
    assert "would get no request" in why(system, "team/none")["notes"][0]
    assert "edgelb pool-template create internal" in why(system, "team/inside")["answer"]

    for task in tasks:
        marathon.kill(task)
    for template in ports:
        wait_until(lambda: f"auto-{template}" not in pools(system), 60, f"the end of auto-{template}")  # noqa: B023 - called here
    assert system.edgelb("pool-template", "reset", "default").returncode == 0
    assert system.edgelb("pool-template", "delete", "marathon-lb").returncode == 0


def test_a_port_that_no_agent_offers_holds_up_nobody(system: System, marathon: Marathon) -> None:
    """Load balancers are launched again without it, on their agent and on another one, and serve all that they can."""
    here, there = system.unused_ports(0, 1)[0], system.unused_ports(1, 1)[0]
    tasks = [launch(marathon, "here", "hostEq:here.test", here)]
    reached(here, "here", "here.test")
    tasks += [launch(marathon, "odd", "hostEq:odd.test", 22), launch(marathon, "there", "hostEq:there.test", there)]
    wait_until(
        lambda: statuses(system) == dict.fromkeys((one.task_id for one in tasks), "OK"), 30, "all are in the pool"
    )
    wait_until(lambda: NOT_OFFERED.search(json.dumps(system.status(POOL)["plans"])), 60, "why it lacks the port")
    assert "nothing listens at port 22 yet: it lacks an agent that offers port 22" in json.dumps(told(system))
    wait_until(lambda: system.status(POOL)["state"] == "degraded", 30, "a pool that serves all but the listener")
    assert "until it has the port port-22" in system.status(POOL)["summary"]
    [old] = system.task_ids(POOL)

    system.kill(system.executor(old))
    wait_until(lambda: system.task_ids(POOL) not in (set(), {old}), 60, "the next task")
    reached(here, "here", "here.test")

    wait_until(lambda: len(system.instances(POOL)) == 1, 30, "the end of what the killed one said")
    [instance] = system.instances(POOL)
    system.stack.cluster.kill(instance["hostname"])
    try:
        reached(there, "there", "there.test")
    finally:
        system.stack.cluster.start_member(instance["hostname"])
    for task in tasks:
        marathon.kill(task)
    wait_until(lambda: POOL not in pools(system), 60, "the end of the pool")
