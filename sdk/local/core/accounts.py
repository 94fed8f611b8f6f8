"""An agent's own account of its resources, and what the master's books make of it: what is free, who is charged.

Knows the books of one agent at a time, not who sent the account nor what else it said. The books of each framework
change by the difference: thousands of agents may come back to a master that knows ten thousands of tasks.
"""

import contextlib

from sdk.local.core import operations
from sdk.local.core.allocation import mark_dirty, offers_of, rescind, set_total
from sdk.local.core.emit import charge
from sdk.local.core.model import Agent, Executor, State
from sdk.local.core.resources import Resources
from sdk.local.core.wire import Json


def correct(state: State, agent: Agent, message: Json, now: float) -> None:
    """An operation failed that was counted on since it was sent: what the agent says that it has holds, and what is
    still under way. Offers made meanwhile are rescinded.
    """
    operation = agent.operations.get(message["operation_uuid"])
    failed = message["status"]["state"] == "OPERATION_FAILED" and "resources" in message
    if operation is None or operation.state != "OPERATION_PENDING" or not failed:
        return
    rescind(state, offers_of(agent), now)
    total = Resources.of(message["resources"])
    for other in agent.operations.values():
        if other is not operation and other.state == "OPERATION_PENDING":
            # One that was built on the failed one fails as well, and is corrected then.
            with contextlib.suppress(operations.NotContained):
                total = operations.apply(total, operations.unallocated(other.info))
    recount(state, agent, {"resources": total.json()})
    mark_dirty(state, now)


def recount(state: State, agent: Agent, message: Json) -> None:
    """The agent's own account of its resources is the truth; what is free follows from it, and who is charged."""
    set_total(state, agent, Resources.of(message.get("resources", agent.info["resources"])))
    free = agent.total
    for task in state.tasks_on(agent.agent_id):
        # A launch that never reached the agent may stand on a reservation that did not reach it either: charging it
        # would give back, at its end, what the agent does not have.
        charged = not task.terminal and free.contains(task.resources.unallocated())
        if charged:
            free = free - task.resources.unallocated()
        if charged != task.charged:
            charge(state.frameworks[task.framework_id], task.resources, 1 if charged else -1)
            task.charged = charged
    for executor in agent.executors.values():
        if not free.contains(executor.resources.unallocated()):
            # The same holds for an executor, which never started then.
            charge(state.frameworks.get(executor.framework_id), executor.resources, -1)
            executor.resources = Resources()
        free = free - executor.resources.unallocated()
    agent.free = free


def take_executors(state: State, agent: Agent, message: Json) -> None:
    """The executors that run on the agent are those that it names. `recount` then sees whether it has room for them."""
    for executor in agent.executors.values():
        charge(state.frameworks.get(executor.framework_id), executor.resources, -1)
    agent.executors = {
        (item["framework_id"]["value"], item["executor_info"]["executor_id"]["value"]): Executor(
            framework_id=item["framework_id"]["value"],
            executor_id=item["executor_info"]["executor_id"]["value"],
            info=item["executor_info"],
            resources=Resources.of(item["executor_info"].get("resources")),
        )
        for item in message.get("executors", ())
    }
    for executor in agent.executors.values():
        charge(state.frameworks.get(executor.framework_id), executor.resources)
