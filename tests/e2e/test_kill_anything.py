"""Killing each process, one at a time, under load: traffic goes on and everything returns by itself."""

import json
import signal
from typing import Any

import pytest

from sdk.local import processes
from tests.e2e.conftest import System
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


def healed(system: System, count: int = 2) -> bool:
    """All instances run, are healthy and serve a configuration, and the scheduler is connected."""
    status = system.status("web")
    instances = [one for one in status["instances"] if one["healthy"] and one["structure"]["verdict"] == "applied"]
    running = [pod for pod in status["pods"] if any(task["state"] == "TASK_RUNNING" for task in pod["tasks"])]
    ready = system.stack.fetch(f"{system.stack.scheduler}/readyz")[0] == 200
    return len(instances) == count and len(running) == count and ready


def follows_changes(system: System, url: str) -> None:
    """The whole path works: one application instance more, then one less, shows in the traffic."""
    system.scale_application(3)
    wait_until(lambda: len(system.answers(url)) == 3, 40, "the third application instance in the traffic")
    system.scale_application(2)
    wait_until(lambda: len(system.answers(url)) == 2, 40, "two application instances in the traffic")


@pytest.mark.parametrize("component", ["api", "template", "listener", "scheduler"])
def test_a_control_process_that_is_killed_costs_no_request_and_comes_back(system: System, component: str) -> None:
    """SIGKILL of one child of `edgelb serve` leaves traffic alone, and changes are followed again afterwards."""
    url = system.serving("web", 2)[0]
    before = system.child(component)
    with load_in_thread(url, rps=100) as load:
        system.kill(before)
        wait_until(lambda: system.child(component) != before, 20, f"a new {component}")
        wait_until(lambda: healed(system), 40, "the healed system")
        follows_changes(system, url)
        wait_until(lambda: load.report().requests > 20, 30, "20 requests")
    assert load.report().failures == {}


def test_a_killed_haproxy_is_started_again_on_the_same_port(system: System) -> None:
    """SIGKILL of one instance's HAProxy leaves the other instance serving, and the port answers again."""
    urls = system.serving("web", 2)
    victim, other = system.instance_behind(urls[0]), urls[1]
    with load_in_thread(other, rps=50) as load:
        system.kill(victim["haproxy"]["master"])
        wait_until(lambda: system.stack.fetch(urls[0])[0] == 200, 20, f"an answer of {urls[0]}")
        wait_until(lambda: healed(system), 40, "the healed system")
        killed = victim["haproxy"]["master"]
        wait_until(lambda: system.instance_behind(urls[0])["haproxy"]["master"] != killed, 20, "a report of a new one")
    assert load.report().failures == {}


def test_a_killed_worker_is_replaced_by_its_master_or_with_it(system: System) -> None:
    """SIGKILL of the process that serves, not of its master, brings the port back as well."""
    urls = system.serving("web", 2)
    victim = system.instance_behind(urls[0])
    with load_in_thread(urls[1], rps=50) as load:
        for worker in victim["haproxy"]["workers"]:
            system.kill(worker)
        wait_until(lambda: system.stack.fetch(urls[0])[0] == 200, 20, f"an answer of {urls[0]}")
        wait_until(lambda: healed(system), 40, "the healed system")
    assert load.report().failures == {}
    assert not set(system.instance_behind(urls[0])["haproxy"]["workers"]) & set(victim["haproxy"]["workers"])
    assert system.instance_behind(urls[0])["task_id"] == victim["task_id"]


def test_a_killed_executor_is_launched_again_on_its_agent(system: System) -> None:
    """SIGKILL of an executor ends its task; a new one takes its place on the same agent while the other serves."""
    urls = system.serving("web", 2)
    victim = system.instance_behind(urls[0])
    executor = system.executor(victim["task_id"])
    with load_in_thread(urls[1], rps=50) as load:
        system.kill(executor)
        wait_until(lambda: victim["task_id"] not in system.task_ids("web"), 30, "a new task for the instance")
        wait_until(lambda: healed(system), 40, "the healed system")
    assert load.report().failures == {}
    assert victim["hostname"] in {one["hostname"] for one in system.instances("web")}
    # HAProxy must not outlive its executor: nobody would ever configure it again.
    wait_until(lambda: not processes.alive(victim["haproxy"]["master"]), 10, "the end of the old HAProxy")


def test_a_killed_agent_process_that_returns_keeps_its_tasks(system: System) -> None:
    """SIGKILL of an agent process alone, restarted by its supervisor, costs no request and no task."""
    urls = system.serving("web", 2)
    before = system.task_ids("web")
    agent = system.instance_behind(urls[0])["hostname"]
    with load_in_thread(urls[0], rps=50) as load:
        old = system.stack.cluster.pids()[agent]
        system.stack.cluster.crash(agent)
        wait_until(lambda: system.stack.cluster.pids()[agent] not in (None, old), 20, f"a new process of {agent}")
        wait_until(lambda: healed(system), 40, "the healed system")
        follows_changes(system, urls[0])
    assert load.report().failures == {}
    assert system.task_ids("web") == before


def test_a_killed_master_costs_no_request_and_changes_are_followed_again(system: System) -> None:
    """SIGKILL of the master, restarted by its supervisor: tasks stay, frameworks and agents return."""
    urls = system.serving("web", 2)
    before = system.task_ids("web")
    with load_in_thread(urls[0], rps=50) as load:
        old = system.stack.cluster.pids()["master"]
        system.stack.cluster.crash("master")
        wait_until(lambda: system.stack.cluster.pids()["master"] not in (None, old), 20, "a new master process")
        wait_until(lambda: healed(system), 60, "the healed system")
        follows_changes(system, urls[0])
    assert load.report().failures == {}
    assert system.task_ids("web") == before


def test_a_killed_zookeeper_costs_no_request_and_changes_are_followed_again(system: System) -> None:
    """SIGKILL of ZooKeeper, then started again: traffic never stops and the whole path works afterwards."""
    urls = system.serving("web", 2)
    before = system.task_ids("web")
    with load_in_thread(urls[0], rps=50) as load:
        old = system.stack.supervisor.pids()["zookeeper"]
        system.kill(old)
        wait_until(lambda: system.stack.supervisor.pids().get("zookeeper", old) != old, 20, "a new ZooKeeper process")
        wait_until(lambda: healed(system), 60, "the healed system")
        follows_changes(system, urls[0])
    assert load.report().failures == {}
    assert system.task_ids("web") == before


def test_an_agent_killed_with_its_tasks_that_stays_dead_is_replaced_and_fenced(system: System) -> None:
    """The instance runs on another agent in time; the old agent returns and loses task and reservation."""
    system.stack.call("DELETE", f"{system.stack.api}/v2/pools/web")
    wait_until(lambda: not system.task_ids("web"), 60, "the end of the pool's tasks")
    wait_until(lambda: "web" not in system.services(), 60, "the end of the service")
    system.create(system.pool(count=1))
    [instance] = system.instances("web")
    old_agent = instance["hostname"]
    assert reservations(system, old_agent)
    system.stack.cluster.kill(old_agent)
    system.stack.cluster.end_executors()
    wait_until(
        lambda: any(one["hostname"] != old_agent and one["healthy"] for one in system.instances("web")),
        60,
        "the instance on another agent",
    )
    system.serving("web", 1)
    system.stack.cluster.start_member(old_agent)
    wait_until(lambda: not reservations(system, old_agent), 60, f"the release of what was reserved on {old_agent}")
    assert instance["task_id"] not in {task["id"] for task in system.tasks()}
    assert len(system.task_ids("web")) == 1


def test_a_partitioned_agent_that_returns_loses_the_task_that_was_replaced(system: System) -> None:
    """While the agent is away its HAProxy serves on; once it is back, the replaced task is killed."""
    [instance] = system.instances("web")
    agent = instance["hostname"]
    url = system.serving("web", 1)[0]
    system.stack.cluster.send_signal(agent, signal.SIGSTOP)
    try:
        with load_in_thread(url, rps=50) as load:
            wait_until(
                lambda: any(one["hostname"] != agent and one["healthy"] for one in system.instances("web")),
                60,
                "the instance on another agent",
            )
        assert load.report().failures == {}
        assert processes.alive(instance["haproxy"]["master"])
    finally:
        system.stack.cluster.send_signal(agent, signal.SIGCONT)
    wait_until(lambda: not processes.alive(instance["haproxy"]["master"]), 60, "the end of the replaced HAProxy")
    wait_until(lambda: not reservations(system, agent), 60, f"the release of what was reserved on {agent}")
    wait_until(lambda: len(system.task_ids("web")) == 1, 20, "one task of the pool")
    assert instance["task_id"] not in system.task_ids("web")


def reservations(system: System, hostname: str) -> list[dict[str, Any]]:
    """Our dynamic reservations on an agent, as the master tells them."""
    agents = system.stack.get(f"{system.stack.mesos}/slaves")["slaves"]
    [agent] = [one for one in agents if one["hostname"] == hostname]
    text = json.dumps(agent.get("reserved_resources_full", {}))
    return [agent] if '"framework_id"' in text and "edgelb" in text else []
