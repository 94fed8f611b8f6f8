"""Applications that expose themselves by labels, on a whole system: real tasks, real load balancers, real requests."""

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


def launch(marathon: Marathon, app: str, rules: str, port: object) -> Launched:
    """A task of the app, which is exposed by these rules, and answers its own name."""
    return marathon.launch(
        {
            "id": f"/{app}",
            "cmd": f"cd {CHECKOUT} && exec {sys.executable} -m examples.webapp --name {app}",
            "cpus": 0.1,
            "mem": 32,
            "disk": 0,
            "env": {},
            "healthChecks": [],
            "taskKillGracePeriodSeconds": 3,
            "portDefinitions": [{"name": "http"}],
            "labels": {
                "edgelb.expose": "true",
                f"edgelb.{app}.frontend.port": str(port),
                f"edgelb.{app}.frontend.rules": rules,
            },
        }
    )


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
