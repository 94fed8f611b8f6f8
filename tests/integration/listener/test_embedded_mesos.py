"""The whole listener on a running embedded Mesos: real processes, real HTTP, real gRPC."""

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.mesos_listener.client import TaskWatch
from api.mesos_listener.main import serve
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import Task, TaskKey
from sdk.local.cluster import Cluster
from sdk.mesos.operator import OperatorClient
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DISCOVERY = {"visibility": "EXTERNAL", "name": "web", "ports": {"ports": [{"number": 21005, "name": "http"}]}}


class Followed:
    """A listener, a client, and what the client was told."""

    def __init__(self, master: str) -> None:
        self._stop = threading.Event()
        ports: queue.Queue[int] = queue.Queue()
        self._thread = threading.Thread(
            target=serve,
            args=(OperatorClient(master), "127.0.0.1:0", self._stop),
            kwargs={"on_listening": ports.put},
        )
        self._thread.start()
        self.tasks: dict[TaskKey, Task] = {}
        self.removals = 0
        self._watch = TaskWatch([f"127.0.0.1:{ports.get(timeout=10)}"], self._take)
        self._watch.start()

    def _take(self, changes: TaskChanges) -> None:
        for task in changes.updated:
            self.tasks[task.key] = task
        for key in changes.removed:
            del self.tasks[key]
            self.removals += 1

    def task(self, task_id: str) -> Task | None:
        return next((task for task in list(self.tasks.values()) if task.id == task_id), None)

    def wait_for(self, task_id: str) -> Task:
        found = wait_until(lambda: self.task(task_id), timeout=20, what=f"{task_id} at the client")
        assert found is not None
        return found

    def wait_gone(self, task_id: str) -> None:
        wait_until(lambda: self.task(task_id) is None, timeout=30, what=f"the end of {task_id} at the client")

    def stop(self) -> None:
        self._watch.stop()
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def followed(cluster: Cluster) -> Iterator[Followed]:
    made = Followed(cluster.master_address)
    yield made
    made.stop()


def test_a_task_is_followed_from_its_start_to_its_end(
    cluster: Cluster, scheduler: Callable[..., Any], followed: Followed
) -> None:
    """Names, address, announced ports and labels arrive; a kill takes it away."""
    framework = scheduler()
    labels = {"labels": [{"key": "team", "value": "shop"}, {"key": "edgelb.expose", "value": "true"}]}
    framework.launch(framework.offer("agent1"), "t1", "sleep 1000", discovery=DISCOVERY, labels=labels)
    framework.wait_for("t1", "TASK_RUNNING")
    task = followed.wait_for("t1")
    assert (task.framework_name, task.agent_hostname, task.agent_address) == ("test", "agent1", "127.0.0.1")
    assert [(port.name, port.number) for port in task.ports] == [("http", 21005)]
    assert task.labels == (("edgelb.expose", "true"),)
    framework.kill("t1")
    framework.wait_for("t1", "TASK_KILLING")
    wait_until(lambda: (killed := followed.task("t1")) is None or killed.leaving, what="t1 is leaving")
    framework.wait_for("t1", "TASK_KILLED")
    followed.wait_gone("t1")


def test_tasks_of_a_lost_agent_go_and_come_back_with_it(
    cluster: Cluster, scheduler: Callable[..., Any], followed: Followed
) -> None:
    """A partition is an end of traffic, not of the task."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "sleep 1000")
    framework.wait_for("t1", "TASK_RUNNING")
    followed.wait_for("t1")
    cluster.send_signal("agent1", signal.SIGSTOP)
    try:
        followed.wait_gone("t1")
    finally:
        cluster.send_signal("agent1", signal.SIGCONT)
    followed.wait_for("t1")


def test_a_restarted_master_loses_no_task_for_a_moment(
    cluster: Cluster, scheduler: Callable[..., Any], followed: Followed
) -> None:
    """The last known tasks are carried over until their agents are back."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "sleep 1000")
    framework.wait_for("t1", "TASK_RUNNING")
    followed.wait_for("t1")
    cluster.kill("master")
    cluster.start_member("master")
    cluster.wait_for_agents(2)
    again = scheduler(framework_id=framework.framework_id)
    again.launch(again.offer("agent2", timeout=30), "t2", "sleep 1000")
    again.wait_for("t2", "TASK_RUNNING")
    # Whoever hears of t2 has heard everything that the new master said before.
    followed.wait_for("t2")
    assert followed.task("t1") is not None
    assert followed.removals == 0
