"""Agents that come back: the books change by what is different on that agent, and are as if counted anew."""

from typing import Any

import pytest

from sdk.local.core import Master, MasterConfig, Persist
from tests.unit.sdk.local.counting import everybody_is_charged, everything_is_somewhere
from tests.unit.sdk.local.model import Json, World, amounts, launch, task

FRAMEWORK = {"value": "M-0000"}


@pytest.fixture
def world() -> World:
    """A master with two agents and a framework."""
    result = World(agent_ping_timeout=1.0, max_agent_ping_timeouts=2)
    for name in ("a1", "a2"):
        result.agent(name)
    result.subscribe("s", framework_id="M-0000")
    return result


def right(world: World) -> None:
    """Fail unless all books are what a count over everything says."""
    everything_is_somewhere(world.master.state)
    everybody_is_charged(world.master.state)


def run(world: World, agent_id: str, task_id: str, **fields: Any) -> Json:
    """Launch a task on that agent; all other offers are declined. Returns the task as the agent will report it."""
    world.at(world.now + 1.0)
    info = {}
    for offer in world.offers("s"):
        if offer["agent_id"]["value"] == agent_id:
            own = {"executor": fields["executor"](offer)} if "executor" in fields else {}
            info = task(offer, task_id, **own)
            world.accept("s", offer, launch(info))
        else:
            world.decline("s", offer)
    lent = [item | {"allocation_info": {"role": "r"}} for item in info["resources"]]
    result = {name: part for name, part in info.items() if name not in ("command", "executor")}
    return result | {"framework_id": FRAMEWORK, "state": "TASK_RUNNING", "resources": lent, "statuses": []}


def executor(name: str, cpus: float) -> Any:
    """What makes an ExecutorInfo from an offer."""
    return lambda offer: {
        "executor_id": {"value": name}, "command": {"value": "true"}, "resources": amounts(offer, cpus=cpus),
    }  # fmt: skip


def runs(name: str, cpus: float) -> Json:
    """An executor as its agent reports it."""
    lent = {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}, "allocation_info": {"role": "r"}}
    return {"framework_id": FRAMEWORK, "executor_info": {"executor_id": {"value": name}, "resources": [lent]}}


def back(world: World, connection: str, agent_id: str, *, tasks: Any = (), executors: Any = ()) -> None:
    """The agent registers again with what it has."""
    state = world.master.state
    known = state.agents.get(agent_id)
    info = known.info if known is not None else (state.unreachable_agents | {
        name: {"info": one} for name, one in state.recovered_agents.items()
    })[agent_id]["info"]  # fmt: skip
    frameworks = [{"id": FRAMEWORK, "user": "u", "name": "n", "roles": ["r"], "failover_timeout": 60.0,
                   "capabilities": [{"type": "MULTI_ROLE"}]}]  # fmt: skip
    world.say(connection, {"type": "REREGISTER", "agent_info": info, "resources": info["resources"],
                           "frameworks": frameworks, "tasks": list(tasks), "executors": list(executors)})  # fmt: skip


def test_executors_came_and_went_while_the_agent_was_away(world: World) -> None:
    """What ended is given back, what is new is charged, what stayed stays."""
    one = run(world, "M-S0", "t1", executor=executor("e1", 0.5))
    run(world, "M-S1", "t2", executor=executor("e2", 0.5))
    right(world)
    back(world, "b1", "M-S0", tasks=[one], executors=[runs("e3", 0.25)])
    assert list(world.master.state.agents["M-S0"].executors) == [("M-0000", "e3")]
    right(world)
    world.offers("s")
    back(world, "b2", "M-S0", tasks=[one], executors=[])
    right(world)


def test_executors_for_which_there_is_no_room_are_not_charged(world: World) -> None:
    """The agent cannot have started them on what it does not have."""
    one = run(world, "M-S0", "t1", executor=executor("e1", 0.5))
    back(world, "b1", "M-S0", tasks=[one], executors=[runs("e1", 0.5), runs("e2", 64.0)])
    charged = {name: item.resources for (_, name), item in world.master.state.agents["M-S0"].executors.items()}
    assert charged["e1"]
    assert not charged["e2"]
    right(world)


def test_tasks_that_an_agent_lost_are_charged_until_it_says_so(world: World) -> None:
    """It is asked about them; the books do not change before its answer."""
    run(world, "M-S0", "t1")
    back(world, "b1", "M-S0")
    assert world.heard("b1", "REREGISTERED")[0]["reconcile"][0]["task_id"] == {"value": "t1"}
    assert world.master.state.frameworks["M-0000"].tasks["t1"].charged
    right(world)


def test_a_new_master_learns_what_each_agent_has(world: World) -> None:
    """After every single return the books are right, with the framework there or not."""
    one, two = run(world, "M-S0", "t1"), run(world, "M-S1", "t2")
    world.master = Master(MasterConfig(master_id="N"), now=world.now, registry=world.master.registry())
    back(world, "b1", "M-S0", tasks=[one], executors=[runs("e1", 0.5)])
    right(world)
    assert world.master.state.frameworks["M-0000"].held == {"r": {"cpus": 1500, "mem": 64000}}
    world.subscribe("s2", framework_id="M-0000")
    right(world)
    back(world, "b2", "M-S1", tasks=[two], executors=[runs("e2", 0.5)])
    right(world)


def test_the_registry_is_kept_only_when_it_says_something_new(world: World) -> None:
    """Not for an agent of the registry that comes back as it was; for one that changed, or was unreachable, it is."""
    registry = world.master.registry()
    world.master = Master(MasterConfig(master_id="N"), now=world.now, registry=registry)
    one, two = registry["agents"]["M-S0"], registry["agents"]["M-S1"]

    def returns(connection: str, info: Json) -> bool:
        outputs = world.master.agent_message(connection, {"type": "REREGISTER", "agent_info": info}, now=world.now)
        return any(isinstance(output, Persist) for output in outputs)

    assert not returns("b1", one)
    assert world.master.registry() == registry
    changed = two | {"attributes": [{"name": "rack", "type": "TEXT", "text": {"value": "r1"}}]}
    assert returns("b2", changed)
    assert world.master.registry()["agents"]["M-S1"] == changed
    world.take(world.master.agent_disconnected("b2", now=world.now))
    for _ in range(10):
        world.at(world.now + 15.0)
        world.say("b1", {"type": "PONG"})
    assert "M-S1" in world.master.state.unreachable_agents
    assert returns("b3", changed)


def test_a_task_id_used_again_before_its_agent_is_back_is_charged_once(world: World) -> None:
    """A new master cannot know of it. The agent comes back with its own task of that id: the other one leaves the
    books.
    """
    one = run(world, "M-S0", "t1")
    world.master = Master(MasterConfig(master_id="N"), now=world.now, registry=world.master.registry())
    world.subscribe("s", framework_id="M-0000")
    back(world, "b2", "M-S1")
    run(world, "M-S1", "t1")
    assert world.master.state.frameworks["M-0000"].tasks["t1"].agent_id == "M-S1"
    right(world)
    back(world, "b1", "M-S0", tasks=[one])
    assert world.master.state.frameworks["M-0000"].tasks["t1"].agent_id == "M-S0"
    right(world)
