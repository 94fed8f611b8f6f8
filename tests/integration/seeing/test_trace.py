"""One change through all processes, as people see it afterwards."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from api.cli.exits import Exit
from api.cli.main import cli
from tests.support.chain.chain import Chain, Pool, Task
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

PLACES = ("event", "index", "taken", "selected", "published")


def applied(chain: Chain, task: Task, operation: str) -> dict[str, Any]:
    """The change of the task, once its load balancer has it."""

    def there() -> dict[str, Any] | None:
        changes = chain.call("GET", f"/v2/trace?task={task.id}")["changes"]
        found = [one for one in changes if (one["task"], one["change"]) == (task.id, operation)]
        return found[0] if found and found[0]["instances"][0]["applied"] else None

    found = wait_until(there, 30, f"the {operation} of {task.id} at the load balancer")
    assert found is not None
    return found


def test_a_change_is_followed_from_mesos_to_haproxy(chain: Chain, pool: Pool) -> None:
    """In the order of the places, for a task that starts and for one that ends."""
    task = pool.start()
    pool.serves(*pool.tasks)
    begun = applied(chain, task, "put")
    pool.end(task)
    pool.serves(*pool.tasks)
    ended = applied(chain, task, "remove")
    for change in (begun, ended):
        assert (change["pool"], change["backend"]) == (pool.name, "app")
        [instance] = change["instances"]
        assert instance["state"] == "applied"
        times = [*(change["stamps"][place] for place in PLACES), instance["seen"], instance["applied"]]
        assert times == sorted(times)
    assert ended["sequence"] > begun["sequence"]
    assert ended["server"] == begun["server"]


def test_the_command_shows_it_place_by_place(chain: Chain, pool: Pool) -> None:
    """A table for people, the API's JSON for scripts, and a sentence for a task that nobody knows."""
    task = pool.start()
    pool.serves(*pool.tasks)
    change = applied(chain, task, "put")

    def run(*arguments: str, code: Exit = Exit.OK) -> str:
        done = CliRunner().invoke(cli, ["trace", *arguments], env={"EDGELB_API": chain.api})
        assert done.exit_code == code, done.output
        return done.output

    lines = run(task.id).splitlines()
    where = f"backend app of pool {pool.name} (operation {change['sequence']})"
    assert lines[0] == f"{task.id}: {change['server']} came or changed in {where}"
    assert lines[1].split() == ["AT", "AFTER", "WHERE"]
    places = [line.split(maxsplit=3)[3] for line in lines[2:]]
    assert places[0] == "the listener read it from Mesos"
    assert places[1:5] == [
        "the listener told it",
        "the template took it",
        "the template found its pool",
        "the template published it",
    ]
    assert {place.partition(": ")[2] for place in places} >= {"HAProxy had it"}
    assert "ZooKeeper had it" in places
    assert json.loads(run(task.id, "--json"))["changes"][0]["task"] == task.id
    assert "no change of a task whose id contains 'nosuch'" in run("nosuch", code=Exit.NOT_FOUND)
