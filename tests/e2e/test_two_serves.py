"""Two `edgelb serve` at once: one is in charge, the other takes over when the first is killed as a whole."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from api.cli.supervisor import Child
from sdk.local import processes
from tests.e2e.conftest import System, running
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


class Serve:
    """One `edgelb serve` of the stack: its name there, and the addresses of its parts."""

    def __init__(self, system: System, name: str, offset: int) -> None:
        layout = system.stack.layout
        self._system = system
        self.name = name
        self.api = f"http://127.0.0.1:{layout.api + offset}"
        self.scheduler = f"http://127.0.0.1:{layout.scheduler + offset}"
        self.listener = f"127.0.0.1:{layout.listener + offset}"
        self.listener_health = f"127.0.0.1:{layout.listener_health + offset}"
        self.template_health = f"127.0.0.1:{layout.template_health + offset}"

    def start(self) -> None:
        """Start it beside what runs."""
        environment = {
            **self._system.stack.environment(),
            "EDGELB_API_LISTEN": self.api.removeprefix("http://"),
            "EDGELB_SCHEDULER_LISTEN": self.scheduler.removeprefix("http://"),
            "EDGELB_SCHEDULER_ADVERTISE": self.scheduler,
            "EDGELB_LISTENER_LISTEN": self.listener,
            "EDGELB_LISTENER_HEALTH_LISTEN": self.listener_health,
            "EDGELB_TEMPLATE_HEALTH_LISTEN": self.template_health,
            "EDGELB_LISTENER": self.listener,
        }
        command = (sys.executable, "-m", "api.cli.main", "serve")
        self._system.stack.supervisor.add(Child(name=self.name, command=command, environment=environment))

    def kill(self) -> None:
        """SIGKILL of the supervisor and of all that it runs, at once; nobody starts it again."""
        root = self._system.stack.supervisor.pids()[self.name]
        pids = [root, *processes.descendants(root)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # children may end with their parent
                os.kill(pid, signal.SIGKILL)
        self._system.stack.supervisor.end(self.name)
        wait_until(lambda: not any(map(processes.alive, pids)), 10, "the end of the killed processes")

    def in_charge(self) -> bool:
        """Whether its scheduler leads and is subscribed."""
        return self._system.stack.fetch(f"{self.scheduler}/readyz")[0] == 200

    def listener_serves(self) -> bool:
        """Whether its listener has a complete picture of the tasks."""
        with grpc.insecure_channel(self.listener) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=""), timeout=5)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.fixture
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A stack of the test's own: half of it is killed for good."""
    with running(tmp_path_factory.mktemp("stack")) as system:
        system.create(system.pool())
        yield system


def template_in_charge(system: System) -> int:
    """Process id of the template that publishes, as its leadership node says; 0 when none does."""
    holder = system.node("/edgelb/locks/template/holder")
    return int(holder["pid"]) if holder else 0


def test_when_the_first_is_killed_the_second_takes_over_and_no_request_fails(system: System) -> None:
    """API and listener of both are active all the time; scheduler and template of the second are when it is alone."""
    first, second = Serve(system, "edgelb", 0), Serve(system, "second", 20)
    second.start()
    wait_until(lambda: system.stack.fetch(f"{second.api}/ping")[0] == 200, 30, "the second API server")
    wait_until(second.listener_serves, 20, "the second listener")
    wait_until(lambda: system.stack.fetch(f"{second.scheduler}/healthz")[0] == 200, 20, "the second scheduler")

    # The standby says what it is; its API knows all the same what the leader knows.
    assert first.in_charge()
    status, text = system.stack.fetch(f"{second.scheduler}/readyz")
    assert (status, "standby" in text) == (503, True), text
    assert system.stack.get(f"{second.scheduler}/v1/state")["leader"] is False
    assert system.stack.get(f"{second.api}/v2/pools/web/status")["state"] == "ready"
    assert template_in_charge(system) in processes.descendants(system.stack.supervisor.pids()["edgelb"])

    [url, _] = system.serving("web", 2)
    tasks = system.task_ids("web")
    with load_in_thread(url, rps=50) as load:
        first.kill()
        assert system.stack.get(f"{second.api}/v2/pools")[0]["name"] == "web"
        wait_until(second.in_charge, 30, "the second scheduler in charge")
        mine = processes.descendants(system.stack.supervisor.pids()["second"])
        wait_until(lambda: template_in_charge(system) in mine, 30, "the second template in charge")
        system.scale_application(3)
        wait_until(lambda: len(system.answers(url)) == 3, 40, "the third application instance in the traffic")
        system.scale_application(2)
        wait_until(lambda: len(system.answers(url)) == 2, 40, "two application instances in the traffic")
        wait_until(lambda: load.report().requests > 100, 30, "a hundred requests")
    assert load.report().failures == {}
    assert system.task_ids("web") == tasks

    # Pools are created, served and deleted through the second; its executor's artifact is fetched from it.
    system.stack.call("POST", f"{second.api}/v2/pools", system.pool("later", count=1))
    wait_until(
        lambda: system.stack.get(f"{second.api}/v2/pools/later/status")["state"] == "ready", 40, "a pool of the second"
    )

    # What starts in the place of the first is the standby.
    first = Serve(system, "another first", 0)
    first.start()
    wait_until(lambda: system.stack.fetch(f"{first.scheduler}/readyz")[0] == 503, 30, "the first as the standby")
    assert second.in_charge()
    later = system.task_ids("later")
    system.stack.call("DELETE", f"{first.api}/v2/pools/later")
    wait_until(lambda: not system.task_ids("later") & later, 40, "the end of the pool, deleted through the standby")
