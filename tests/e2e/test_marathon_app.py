"""The Marathon app launches the whole of it: its own command, environment and ports in a task of Mesos."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CHECKOUT, System, running
from tests.support.load import load_in_thread
from tests.support.marathon import Launched, Marathon
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

EDGELB = str(Path(sys.executable).with_name("edgelb"))
"""The command as an agent finds it: the one that the package's installation made."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """ZooKeeper, Mesos and the sample application; Edge-LB itself is for Marathon to launch."""
    with running(tmp_path_factory.mktemp("stack")) as system:
        system.stack.supervisor.end("edgelb")
        yield system


@pytest.fixture(scope="module")
def marathon(system: System) -> Iterator[Marathon]:
    """The stand-in for Marathon."""
    with Marathon(f"127.0.0.1:{system.stack.layout.master}") as marathon:
        yield marathon


def definition(system: System, *arguments: str) -> dict[str, Any]:
    """What `edgelb marathon-app` prints for this cluster."""
    done = system.edgelb(
        *("marathon-app", "--executable", EDGELB, "--zk", system.stack.zookeeper),
        *("--mesos", f"127.0.0.1:{system.stack.layout.master}", *arguments),
    )
    assert done.returncode == 0, done.stderr
    app: dict[str, Any] = json.loads(done.stdout)
    return app


def started(system: System, marathon: Marathon, app: dict[str, Any]) -> Launched:
    """Launch the app and wait until it runs, is healthy as Mesos sees it, and answers on each path that is checked."""
    task = marathon.launch(app)
    wait_until(lambda: marathon.status(task).get("state") == "TASK_RUNNING", 20, "the app's task running")
    names = [one["name"] for one in app["portDefinitions"]]
    for check in app["healthChecks"]:
        url = f"http://127.0.0.1:{task.ports[names[check['portIndex']]]}{check['path']}"
        wait_until(partial(answers_ok, system, url), 30, f"200 from {url}")
    wait_until(lambda: marathon.status(task).get("healthy") is True, 30, "the task's health")
    return task


def answers_ok(system: System, url: str) -> bool:
    """Whether a GET is answered with 200."""
    return system.stack.fetch(url)[0] == 200


def traffic_urls(system: System, api: str, pool: str) -> list[str]:
    """Where the pool can be reached, as this API tells; once all of its instances are there."""

    def there() -> list[str]:
        [frontend] = system.stack.get(f"{api}/v2/pools/{pool}/metadata")["frontends"]
        found = [f"http://{one['private'][0]}:{one['port']}/" for one in frontend["endpoints"]]
        return found if len(found) == 2 else []

    return wait_until(there, 60, f"two instances of {pool}")


def test_the_app_runs_the_whole_of_edgelb_and_survives_its_upgrade(system: System, marathon: Marathon) -> None:
    """Launched from the definition alone it deploys a pool; a second instance takes over when the first is killed.

    That is what Marathon does at an upgrade, and no request fails meanwhile.
    """
    app = definition(system)
    first = started(system, marathon, app)
    api = f"http://127.0.0.1:{first.ports['api']}"
    assert system.stack.fetch(f"{api}/ping")[1].strip() == "pong"
    assert system.stack.fetch(f"{api}/service/edgelb/ping")[1].strip() == "pong"
    system.stack.call("POST", f"{api}/v2/pools", system.pool())
    urls = traffic_urls(system, api, "web")
    wait_until(lambda: all(len(system.answers(url, 10)) == 2 for url in urls), 30, "both application instances")
    before = system.task_ids("web")
    [framework] = frameworks(system, "edgelb")

    with load_in_thread(urls[0], rps=50) as load:
        second = started(system, marathon, app)
        marathon.kill(first)
        wait_until(lambda: marathon.status(first).get("state") == "TASK_KILLED", 30, "the end of the first")
        scheduler = f"http://127.0.0.1:{second.ports['scheduler']}"
        wait_until(lambda: system.stack.fetch(f"{scheduler}/readyz")[0] == 200, 30, "the second in charge")
        system.scale_application(3)
        wait_until(lambda: len(system.answers(urls[0])) == 3, 30, "the third application instance in the traffic")
        system.scale_application(2)
        wait_until(lambda: len(system.answers(urls[0])) == 2, 30, "two application instances in the traffic")
    assert load.report().failures == {}
    assert system.task_ids("web") == before
    [after] = frameworks(system, "edgelb")
    assert after["id"] == framework["id"]
    assert after["webui_url"] == scheduler

    api = f"http://127.0.0.1:{second.ports['api']}"
    system.stack.call("DELETE", f"{api}/v2/pools/web")
    wait_until(lambda: not system.task_ids("web"), 60, "the end of the pool's tasks")
    marathon.kill(second)


def test_the_app_of_another_framework_runs_that_framework(system: System, marathon: Marathon) -> None:
    """The same command prints the app of `hello`; its scheduler keeps the greeting task running."""
    app = definition(
        system, "--frameworks", str(CHECKOUT / "examples" / "frameworks.json"), "--name", "hello", "--zk-root", "/hello"
    )
    task = started(system, marathon, app)
    wait_until(lambda: greeting(system), 30, "the greeting task")
    [framework] = frameworks(system, "hello")
    assert framework["webui_url"] == f"http://127.0.0.1:{task.ports['scheduler']}"
    system.stack.call("POST", f"http://127.0.0.1:{task.ports['scheduler']}/v1/uninstall", {"confirm": "hello"})
    wait_until(lambda: not greeting(system) and not frameworks(system, "hello"), 40, "the end of the framework")
    marathon.kill(task)


def greeting(system: System) -> list[str]:
    """Ids of the running tasks called hello."""
    return [task["id"] for task in system.tasks() if task["name"] == "hello-0-hello"]


def frameworks(system: System, name: str) -> list[dict[str, Any]]:
    """The active frameworks of that name, as the master tells."""
    found = system.stack.get(f"{system.stack.mesos}/frameworks")["frameworks"]
    return [one for one in found if one["name"] == name and one["active"]]
