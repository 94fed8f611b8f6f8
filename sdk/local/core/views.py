"""The state as the v1 operator API shows it: messages of tasks, agents and frameworks, and the GET_* answers.

Only reads. The classic JSON endpoints stand in `classic`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sdk.local.core.emit import nanoseconds
from sdk.local.core.model import VERSION, Agent, Framework, Operation, State, Task
from sdk.local.core.pieces import LONG, Mapped
from sdk.local.core.resources import Resources, reservation_role
from sdk.local.core.wire import Json, ordered

AGENT_CAPABILITIES = (
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESOURCE_PROVIDER",
    "RESIZE_VOLUME",
    "AGENT_OPERATION_FEEDBACK",
    "AGENT_DRAINING",
    "TASK_RESOURCE_LIMITS",
)
BUILD: Json = {
    "version": VERSION, "git_sha": "", "build_date": "1970-01-01 00:00:00 UTC", "build_time": 0.0,
    "build_user": "embedded",
}  # fmt: skip
"""Not built: a date that nobody takes for one."""
_BUILD_ORDER = ("version", "build_date", "build_time", "build_user", "git_sha")
MASTER_CAPABILITIES = ("AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2")

_TASK_ORDER = (
    "name", "task_id", "framework_id", "executor_id", "agent_id", "state", "resources", "statuses",
    "status_update_state", "status_update_uuid", "labels", "discovery", "container", "health_check", "check",
    "kill_policy", "user",
)  # fmt: skip


class Noted(NamedTuple):
    """What there is to say of a task at this moment. Noting it is quick; saying it can wait."""

    info: Json
    state: str
    statuses: tuple[Json, ...]
    sent: tuple[str | None, str] | None
    """State and uuid of the update last forwarded to the scheduler."""

    def content(self) -> Json:
        """The fields of the Task message in any order."""
        content = self.info | {"state": self.state}
        if self.statuses:
            content["statuses"] = self.statuses
        if self.sent is not None:
            content["status_update_state"], content["status_update_uuid"] = self.sent
        return content

    def message(self) -> Json:
        """The Task message."""
        content = self.content()
        return {name: content[name] for name in _TASK_ORDER if name in content}


def noted(task: Task) -> Noted:
    """What there is to say of a task at this moment."""
    sent = (task.sent_state, task.sent_uuid) if task.sent_uuid is not None and not task.learned else None
    return Noted(task.info, task.state, tuple(task.statuses), sent)


def task_message(task: Task) -> Json:
    """The Task message."""
    return noted(task).message()


def listed(tasks: Iterable[Task], shown: Callable[[Noted], Json]) -> list[Json] | Mapped:
    """All these tasks as they are now, each shown when the list is sent if it is a long one."""
    notes = [noted(task) for task in tasks]
    return Mapped(notes, shown) if len(notes) > LONG else [shown(note) for note in notes]


# What the master keeps of a TaskInfo in its Task.
_KEPT = ("name", "task_id", "agent_id", "resources", "labels", "discovery", "container", "health_check", "check",
         "kill_policy")  # fmt: skip


def task_fields(task: Json, framework_id: str, executor: Json | None) -> Json:
    """The constant fields of the Task message, from a TaskInfo and the ExecutorInfo it names (None for a command
    task).
    """
    info = {name: task[name] for name in _KEPT if name in task}
    info["framework_id"] = {"value": framework_id}
    if executor is not None:
        info["executor_id"] = executor["executor_id"]
    user = (executor or task).get("command", {}).get("user")
    if user:
        info["user"] = user
    return info


def with_role(resources: Resources) -> list[Json]:
    """Resources as operators get them: in both formats at once, refined reservations only in the new one."""
    result = []
    for item in resources:
        stack = item.get("reservations", [])
        if len(stack) > 1:
            result.append(item)
            continue
        old: Json = {"role": reservation_role(item)}
        if stack and stack[0].get("type") == "DYNAMIC":
            old["reservation"] = {name: stack[0][name] for name in ("principal", "labels") if name in stack[0]}
        result.append(ordered("Resource", item | old))
    return result


def master_info(state: State) -> Json:
    """The MasterInfo of this master."""
    config = state.config
    parts = [int(part) for part in config.ip.split(".")]
    result: Json = {
        "id": config.master_id,
        # Mesos keeps the address in network byte order, read as a little-endian integer.
        "ip": sum(part << (8 * index) for index, part in enumerate(parts)),
        "port": config.port,
        "pid": f"master@{config.ip}:{config.port}",
        "hostname": config.hostname,
        "version": VERSION,
        "address": {"hostname": config.hostname, "ip": config.ip, "port": config.port},
    }
    if config.domain is not None:
        result["domain"] = config.domain
    return result | {"capabilities": [{"type": name} for name in MASTER_CAPABILITIES]}


def public_agent_info(info: Json, *, checkpoint: bool) -> Json:
    """An AgentInfo without our own additions; `checkpoint` is shown in answers, not in events."""
    order = ("hostname", "port", "resources", "attributes", "id", "domain")
    result = {name: info[name] for name in order if info.get(name)}
    return result | {"checkpoint": True} if checkpoint else result


def agent_message(state: State, agent: Agent, *, full: bool, used: Resources | None = None) -> Json:
    """The Agent message: in AGENT_ADDED without what is offered of it, in GET_AGENTS with it."""
    result: Json = {
        "agent_info": public_agent_info(agent.info, checkpoint=full),
        "active": agent.connection is not None and not agent.deactivated,
        "deactivated": agent.deactivated,
        "version": agent.version,
        "pid": agent.pid,
        "registered_time": nanoseconds(agent.registered),
    }
    if agent.reregistered is not None:
        result["reregistered_time"] = nanoseconds(agent.reregistered)
    result["total_resources"] = with_role(agent.total)
    if used is None:
        used = allocated(state, agent=agent)
    if used:
        result["allocated_resources"] = with_role(used)
    if full:
        offered = Resources.sum(offer.resources for offer in agent.offers.values())
        if offered:
            result["offered_resources"] = with_role(offered)
    result["capabilities"] = [{"type": name} for name in AGENT_CAPABILITIES]
    if agent.drain is not None:
        result["drain_info"] = drain_info(agent)
        result["estimated_drain_start_time"] = {"nanoseconds": int(agent.drain["since"]) * 10**9}
    return result


def drain_info(agent: Agent) -> Json:
    """How far the draining of an agent is."""
    assert agent.drain is not None
    return {"state": "DRAINED" if agent.drained else "DRAINING", "config": agent.drain["config"]}


def allocated(state: State, *, agent: Agent | None = None) -> Resources:
    """What tasks and executors use, everywhere or on one agent."""
    parts = [
        task.resources
        for owner in state.frameworks.values()
        for task in (owner.tasks.on(agent.agent_id) if agent else owner.tasks.values())
        if task.charged
    ]
    parts += [
        executor.resources
        for place in ([agent] if agent else state.agents.values())
        for executor in place.executors.values()
    ]
    return Resources.sum(parts)


@dataclass(frozen=True, slots=True)
class Usage:
    """What tasks and executors use, by the ids of agents and of frameworks."""

    by_agent: dict[str, Resources]
    by_framework: dict[str, Resources]


def usage(state: State) -> Usage:
    """What everybody uses, with one look at each task."""
    agents: dict[str, list[Resources]] = {agent_id: [] for agent_id in state.agents}
    frameworks: dict[str, list[Resources]] = {framework_id: [] for framework_id in state.frameworks}
    for framework in state.frameworks.values():
        parts: dict[str, list[Resources]] = {}
        for task in framework.tasks.values():
            if task.charged:
                parts.setdefault(task.agent_id, []).append(task.resources)
        for agent_id, found in parts.items():
            both = Resources.sum(found)
            frameworks[framework.framework_id].append(both)
            agents.setdefault(agent_id, []).append(both)
    for agent in state.agents.values():
        for executor in agent.executors.values():
            agents[agent.agent_id].append(executor.resources)
            frameworks.setdefault(executor.framework_id, []).append(executor.resources)
    return Usage(
        {agent_id: Resources.sum(agents[agent_id]) for agent_id in state.agents},
        {framework_id: Resources.sum(frameworks[framework_id]) for framework_id in state.frameworks},
    )


def framework_message(
    state: State, framework: Framework, *, full: bool, completed: bool = False, used: Resources | None = None
) -> Json:
    """The Framework message: short in events, with offers and resources in GET_FRAMEWORKS, of what it has `used`."""
    result: Json = {
        "framework_info": framework.info,
        "active": framework.connected,
        "connected": framework.connected,
        "recovered": framework.recovered,
    }
    if not framework.recovered:
        result["registered_time"] = nanoseconds(framework.registered)
        result["reregistered_time"] = nanoseconds(framework.reregistered)
    if not full or completed:
        result["unregistered_time"] = nanoseconds(framework.unregistered)
    if not full:
        return result
    if not completed:
        offers = [offer for offer in state.offers.values() if offer.framework_id == framework.framework_id]
        if offers:
            result["offers"] = [offer.message for offer in offers]
        if used:
            result["allocated_resources"] = with_role(used)
        offered = Resources()
        for offer in offers:
            offered = offered + offer.resources
        if offered:
            result["offered_resources"] = with_role(offered)
    result["offer_constraints"] = framework.offer_constraints
    return result


def get_tasks(state: State) -> Json:
    """GET_TASKS."""
    current = state.frameworks.values()
    everyone = [*current, *state.completed_frameworks.values()]
    return {
        "tasks": listed((task for item in current for task in item.tasks.values()), Noted.message),
        "unreachable_tasks": listed((task for item in current for task in item.unreachable.values()), Noted.message),
        "completed_tasks": listed((task for item in everyone for task in item.completed), Noted.message),
    }


def get_executors(state: State) -> Json:
    """GET_EXECUTORS."""
    return {
        "executors": [
            {"executor_info": executor.info, "agent_id": {"value": agent.agent_id}}
            for agent in state.agents.values()
            for executor in agent.executors.values()
        ]
    }


def get_frameworks(state: State, used: Usage | None = None) -> Json:
    """GET_FRAMEWORKS. `used` if known already."""
    known = (used or usage(state)).by_framework
    return {
        "frameworks": [
            framework_message(state, item, full=True, used=known[item.framework_id])
            for item in state.frameworks.values()
        ],
        "completed_frameworks": [
            framework_message(state, item, full=True, completed=True) for item in state.completed_frameworks.values()
        ],
    }


def get_agents(state: State, used: Usage | None = None) -> Json:
    """GET_AGENTS. `used` if known already."""
    known = (used or usage(state)).by_agent
    return {
        "agents": [
            agent_message(state, agent, full=True, used=known[agent.agent_id]) for agent in state.agents.values()
        ],
        "recovered_agents": [public_agent_info(info, checkpoint=True) for info in state.recovered_agents.values()],
    }


def get_state(state: State) -> Json:
    """GET_STATE, and what SUBSCRIBED of the operator stream carries."""
    used = usage(state)
    return {
        "get_tasks": get_tasks(state),
        "get_executors": get_executors(state),
        "get_frameworks": get_frameworks(state, used),
        "get_agents": get_agents(state, used),
    }


def _operation_message(item: Operation) -> Json:
    latest = (item.status or {"state": item.state}) | {"agent_id": {"value": item.agent_id}}
    result: Json = {"framework_id": {"value": item.framework_id}} if item.framework_id else {}
    result |= {"agent_id": {"value": item.agent_id}, "info": item.info, "latest_status": latest}
    if item.status is not None:
        result["statuses"] = [latest]
    return result | {"uuid": {"value": item.uuid}}


def get_operations(state: State) -> Json:
    """GET_OPERATIONS."""
    found = [_operation_message(item) for agent in state.agents.values() for item in agent.operations.values()]
    return {"operations": found} if found else {}


def role_names(state: State) -> dict[str, list[Framework]]:
    """Every role that somebody subscribed to, reserved for, uses, or that an operator named; with its frameworks."""
    roles: dict[str, list[Framework]] = {role: [] for role in (*state.weights, *state.quotas)}
    for agent in state.agents.values():
        for item in agent.total:
            if item.get("reservations"):
                roles.setdefault(reservation_role(item), [])
    for framework in state.frameworks.values():
        for role in {*framework.roles, *(task_role(task) for task in framework.tasks.values())}:
            roles.setdefault(role, [])
        for role in framework.roles:
            roles[role].append(framework)
    return {role: roles[role] for role in sorted(roles)}


def task_role(task: Task) -> str:
    """The role in which a task runs."""
    return next((str(item["allocation_info"]["role"]) for item in task.resources if "allocation_info" in item), "*")


def get_roles(state: State) -> Json:
    """GET_ROLES."""
    used = allocated(state)
    for offer in state.offers.values():
        used = used + offer.resources
    found = []
    for role, frameworks in role_names(state).items():
        item: Json = {"name": role, "weight": state.weights.get(role, 1.0)}
        if frameworks:
            item["frameworks"] = [{"value": framework.framework_id} for framework in frameworks]
        held: dict[str, int] = {}
        for resource in used:
            if resource.get("allocation_info", {}).get("role") == role and "scalar" in resource:
                name = resource["name"]
                held[name] = held.get(name, 0) + round(resource["scalar"]["value"] * 1000)
        if held:
            item["resources"] = [
                {"name": name, "type": "SCALAR", "scalar": {"value": held[name] / 1000}} for name in sorted(held)
            ]
        found.append(item)
    return {"roles": found} if found else {}


def get_version() -> Json:
    """GET_VERSION: the version whose behaviour this follows; the build says what it really is."""
    return {"version_info": {name: BUILD[name] for name in _BUILD_ORDER}}
