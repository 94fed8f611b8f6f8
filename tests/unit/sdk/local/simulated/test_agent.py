"""Simulated agents: executors that are records obey the rules of those that are processes."""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.local.core.model import TERMINAL
from sdk.local.core.wire import Json
from sdk.local.simulated.agent import SimulatedAgent
from sdk.local.simulated.contents import agent_info, container_id, new_uuid
from sdk.local.simulated.executors import Life

FRAMEWORK: Json = {
    "id": {"value": "F"}, "user": "nobody", "name": "f", "roles": ["simulated"],
    "capabilities": [{"type": "MULTI_ROLE"}, {"type": "TASK_KILLING_STATE"}],
}  # fmt: skip
CPUS: Json = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}, "allocation_info": {"role": "simulated"}}
COMMAND: Json = {"value": "run", "shell": True}


class World:
    """One agent, and a master that only listens."""

    def __init__(self, life: Life, framework: Json = FRAMEWORK) -> None:
        self.now = 100.0
        self.framework = framework
        self.agent = SimulatedAgent(agent_info(0, 10), life, self._uuid, self._id, now=self.now)
        self._numbers = itertools.count(1)
        self.updates: dict[str, list[Json]] = {}
        """Every status of a task once, in the order in which they first came."""
        self.sent: list[tuple[str, str]] = []
        """Task and uuid of every UPDATE, also of repeated ones."""
        self.acknowledged: set[str] = set()
        self.other: list[Json] = []
        self.connect()

    def _uuid(self) -> str:
        return new_uuid(7, next(self._numbers))

    def _id(self) -> str:
        return container_id(7, next(self._numbers))

    def connect(self) -> None:
        """The agent registers, for the first time or again."""
        self.agent.agent.master_disconnected()
        kind = self.agent.registration()["type"]
        self.tell({"type": f"{kind}ED", "agent_id": {"value": "S0"}})

    def take(self, messages: list[Json]) -> None:
        """What the agent says: of one task, the next update comes only after the one before was acknowledged."""
        for message in messages:
            if message["type"] != "UPDATE":
                self.other.append(message)
                continue
            status = message["status"]
            task_id, uuid = status["task_id"]["value"], status["uuid"]
            known = self.updates.setdefault(task_id, [])
            self.sent.append((task_id, uuid))
            if not known or known[-1]["uuid"] != uuid:
                assert all(item["uuid"] in self.acknowledged for item in known)
                known.append(status)

    def tell(self, message: Json) -> None:
        """A message of the master."""
        self.take(self.agent.receive(message, self.now))

    def launch(self, name: str, executor: Json | None = None) -> None:
        """A command task, or one of a custom executor."""
        task: Json = {"name": name, "task_id": {"value": name}, "agent_id": {"value": "S0"}, "resources": [CPUS]}
        task |= {"command": COMMAND} if executor is None else {"executor": executor}
        self.tell({"type": "RUN_TASK", "framework_info": self.framework, "task": task})

    def launch_group(self, names: list[str]) -> None:
        """A task group."""
        tasks = [
            {"name": name, "task_id": {"value": name}, "agent_id": {"value": "S0"}, "resources": [CPUS],
             "command": COMMAND, "health_check": {"type": "HTTP"}}
            for name in names
        ]  # fmt: skip
        executor = {"type": "DEFAULT", "executor_id": {"value": f"pod-{names[0]}"}, "framework_id": {"value": "F"}}
        self.tell({"type": "RUN_TASK_GROUP", "framework_info": self.framework, "executor": executor, "tasks": tasks})

    def kill(self, name: str) -> None:
        """KILL_TASK."""
        self.tell({"type": "KILL_TASK", "framework_id": {"value": "F"}, "task_id": {"value": name}})

    def acknowledge(self, name: str, uuid: str | None = None) -> None:
        """ACKNOWLEDGE of the newest update of a task that was seen."""
        known = self.updates.get(name)
        if not known:
            return
        if uuid is None:
            uuid = known[-1]["uuid"]
            self.acknowledged.add(uuid)
        content = {"framework_id": {"value": "F"}, "task_id": {"value": name}, "uuid": uuid}
        self.tell({"type": "ACKNOWLEDGE", **content})

    def acknowledge_all(self) -> None:
        """As a scheduler does that acknowledges everything."""
        while waiting := [name for name, known in self.updates.items() if known[-1]["uuid"] not in self.acknowledged]:
            for name in waiting:
                self.acknowledge(name)

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.take(self.agent.step(self.now))
        self.take(self.agent.retry(self.now))

    def states(self, name: str) -> list[str]:
        """The states of a task in order."""
        return [item["state"] for item in self.updates.get(name, [])]


def test_a_command_task_starts_runs_and_is_killed_with_a_killing_in_between() -> None:
    """STARTING at once, RUNNING after the delay, KILLING and KILLED when it is killed; then its executor is gone."""
    world = World(Life(start=1.0, kill=2.0))
    world.launch("a")
    world.acknowledge_all()
    assert world.states("a") == ["TASK_STARTING"]
    world.later(1.0)
    world.acknowledge_all()
    world.kill("a")
    world.acknowledge_all()
    assert world.states("a") == ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"]
    world.later(2.0)
    world.acknowledge_all()
    assert world.states("a")[-1] == "TASK_KILLED"
    assert world.agent.agent.state.runs == {}
    assert world.agent.agent.state.tasks == {}


def test_a_framework_that_does_not_know_killing_hears_only_of_the_end() -> None:
    """Without TASK_KILLING_STATE there is no TASK_KILLING."""
    world = World(Life(start=0.0), framework=FRAMEWORK | {"capabilities": [{"type": "MULTI_ROLE"}]})
    world.launch("a")
    world.later(0.1)
    world.kill("a")
    world.acknowledge_all()
    assert world.states("a") == ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLED"]


def test_statuses_say_where_the_task_runs() -> None:
    """As those of real executors do: source, executor, container, addresses, pid."""
    world = World(Life(start=0.0))
    world.launch("a")
    [status] = world.updates["a"]
    assert status["source"] == "SOURCE_EXECUTOR"
    assert status["executor_id"] == {"value": "a"}
    about = status["container_status"]
    assert about["network_infos"] == [{"ip_addresses": [{"protocol": "IPv4", "ip_address": "127.1.0.1"}]}]
    assert about["container_id"]["value"]
    assert about["executor_pid"] > 0


def test_a_task_with_a_life_finishes_by_itself() -> None:
    """TASK_FINISHED after its life."""
    world = World(Life(start=1.0, run=10.0))
    world.launch("a")
    world.later(1.0)
    world.acknowledge_all()
    world.later(9.0)
    assert world.states("a") == ["TASK_STARTING", "TASK_RUNNING"]
    world.later(1.0)
    world.acknowledge_all()
    assert world.states("a")[-1] == "TASK_FINISHED"


def test_the_tasks_of_a_group_have_containers_of_their_own_and_die_with_the_one_that_fails() -> None:
    """Nested containers; TASK_FAILED of one kills the others, and their executor ends."""
    world = World(Life(start=0.0))
    world.launch_group(["a", "b"])
    world.later(0.1)
    world.acknowledge_all()
    containers = [world.updates[name][0]["container_status"]["container_id"] for name in ("a", "b")]
    assert containers[0]["parent"] == containers[1]["parent"]
    assert containers[0]["value"] != containers[1]["value"]
    world.take(world.agent.become("F", "a", "TASK_FAILED", world.now))
    world.acknowledge_all()
    assert world.states("a")[-1] == "TASK_FAILED"
    assert world.states("b")[-2:] == ["TASK_KILLING", "TASK_KILLED"]
    assert [message["type"] for message in world.other] == ["EXITED_EXECUTOR"]


def test_a_custom_executor_outlives_its_tasks_until_it_is_told_to_end() -> None:
    """It runs several tasks, and ends with SHUTDOWN_EXECUTOR, which kills what still runs."""
    world = World(Life(start=0.0))
    executor = {"type": "CUSTOM", "executor_id": {"value": "store"}, "command": COMMAND}
    world.launch("a", executor)
    world.launch("b", executor)
    world.later(0.1)
    world.acknowledge_all()
    world.kill("a")
    world.acknowledge_all()
    assert world.other == []
    where = {"framework_id": {"value": "F"}, "executor_id": {"value": "store"}}
    world.tell({"type": "SHUTDOWN_EXECUTOR", **where})
    world.acknowledge_all()
    assert world.states("b")[-1] == "TASK_KILLED"
    assert [message["type"] for message in world.other] == ["EXITED_EXECUTOR"]


def test_health_changes_back_and_forth_and_only_of_tasks_that_are_checked() -> None:
    """Every check that is asked for is one RUNNING update with the other health."""
    world = World(Life(start=0.0))
    world.launch_group(["a", "b"])
    world.launch("unchecked")
    world.later(0.1)
    world.acknowledge_all()
    for _ in range(2):
        world.take(world.agent.check("F", "a", world.now))
        world.acknowledge_all()
    assert [item["healthy"] for item in world.updates["a"][1:]] == [True, False, True]
    assert world.agent.check("F", "unchecked", world.now) == []
    assert world.agent.check("F", "nobody", world.now) == []


def test_a_ping_is_answered_and_a_gone_agent_ends() -> None:
    """PING gives PONG; SHUTDOWN ends the agent for good."""
    world = World(Life())
    world.tell({"type": "PING"})
    assert world.other == [{"type": "PONG"}]
    world.tell({"type": "SHUTDOWN", "text": "gone"})
    assert world.agent.ended


def test_reservations_are_applied_and_their_status_is_sent_again_until_acknowledged() -> None:
    """RESERVE changes the agent's resources; OPERATION_STATUS is repeated as updates are."""
    world = World(Life())
    cpus: Json = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}
    reserved = cpus | {"reservations": [{"type": "DYNAMIC", "role": "r", "principal": "p"}]}
    operation = {"type": "RESERVE", "id": {"value": "op"}, "reserve": {"resources": [reserved]}}
    message = {"framework_id": {"value": "F"}, "operation_uuid": "u", "operation": operation}
    world.tell({"type": "APPLY_OPERATION", **message})
    world.later(11.0)
    assert [item["type"] for item in world.other] == ["OPERATION_STATUS", "OPERATION_STATUS"]
    status = world.other[0]["status"]
    assert status["state"] == "OPERATION_FINISHED"
    acknowledge = {"framework_id": {"value": "F"}, "operation_id": {"value": "op"}, "uuid": status["uuid"]["value"]}
    world.tell({"type": "ACKNOWLEDGE_OPERATION", **acknowledge})
    world.later(700.0)
    assert len(world.other) == 2


NAMES = [f"t{number}" for number in range(6)]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["launch", "custom", "group", "kill", "ack", "wrong ack", "finish", "fail", "check", "time", "again"]
        ),
        st.sampled_from(NAMES),
        st.floats(0.0, 30.0),
    ),
    max_size=60,
)


def _do(world: World, launched: set[str], what: str, name: str, seconds: float) -> None:
    executor = {"type": "CUSTOM", "executor_id": {"value": "store"}, "command": COMMAND}
    fresh = [item for item in (name, f"{name}'") if item not in launched]
    match what:
        case "launch" | "custom" if name in fresh:
            launched.add(name)
            world.launch(name, executor if what == "custom" else None)
        case "group" if len(fresh) == 2:
            launched.update(fresh)
            world.launch_group(fresh)
        case "kill":
            world.kill(name)
        case "ack":
            world.acknowledge(name)
        case "wrong ack":
            world.acknowledge(name, uuid="AAAAAAAAAAAAAAAAAAAAAA==")
        case "finish" | "fail":
            state = "TASK_FINISHED" if what == "finish" else "TASK_FAILED"
            world.take(world.agent.become("F", name, state, world.now))
        case "check":
            world.take(world.agent.check("F", name, world.now))
        case "time":
            world.later(seconds)
        case "again":
            world.connect()


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_whatever_happens_each_task_ends_once_and_every_status_is_repeated_until_acknowledged(
    actions: list[tuple[str, str, float]],
) -> None:
    """Launches, kills, ends, acknowledgements, reconnections and time in any order."""
    world = World(Life(start=1.0, kill=0.5))
    launched: set[str] = set()
    for what, name, seconds in actions:
        _do(world, launched, what, name, seconds)
    unanswered = {known[-1]["uuid"] for known in world.updates.values() if known[-1]["uuid"] not in world.acknowledged}
    world.sent.clear()
    # The longest that an update waits for its next try.
    world.later(601.0)
    assert unanswered <= {uuid for _, uuid in world.sent}
    for _ in range(3):
        for name in sorted(launched):
            world.kill(name)
        world.acknowledge_all()
        world.later(2.0)
    world.acknowledge_all()
    ends: dict[str, Any] = {name: [state for state in world.states(name) if state in TERMINAL] for name in launched}
    assert {name: len(found) for name, found in ends.items()} == dict.fromkeys(launched, 1)
    assert all(world.states(name)[-1] in TERMINAL for name in launched)
    assert world.agent.agent.state.tasks == {}
    world.sent.clear()
    world.later(700.0)
    assert world.sent == []
