"""The state as the classic JSON endpoints show it: /state, /slaves, /tasks, /frameworks, /roles, /state-summary.

Only reads; `metrics` has the figures. The same functions serve the master and, for tasks and resources, the agent.
"""

from collections.abc import Iterable

from sdk.local.core.master_flags import flags
from sdk.local.core.model import Agent, Executor, Framework, Offer, State, Task
from sdk.local.core.resources import Resources, Span, merge, reservation_role
from sdk.local.core.views import (
    AGENT_CAPABILITIES,
    MASTER_CAPABILITIES,
    Noted,
    Usage,
    allocated,
    drain_info,
    listed,
    master_info,
    role_names,
    usage,
    with_role,
)
from sdk.local.core.views import BUILD as BUILD
from sdk.local.core.wire import Json

_STATES = ("STAGING", "STARTING", "RUNNING", "KILLING", "FINISHED", "KILLED", "FAILED", "LOST", "ERROR", "UNREACHABLE")
_USUAL = ("disk", "mem", "gpus", "cpus")
"""Scalars that are always shown, in this order."""


def quantities(resources: Resources) -> Json:
    """Resources summed by name, as people read them."""
    scalars = resources.scalars()
    result: Json = {name: scalars.pop(name, 0) / 1000 for name in _USUAL}
    result |= {name: amount / 1000 for name, amount in sorted(scalars.items())}
    ports = resources.spans("ports")
    if ports:
        result["ports"] = f"[{', '.join(f'{begin}-{end}' for begin, end in ports)}]"
    return result


def task(message: Json) -> Json:
    """A Task message as the classic endpoints print it."""
    resources = message.get("resources", [])
    result: Json = {
        "id": message["task_id"]["value"],
        "name": message.get("name", ""),
        "framework_id": message["framework_id"]["value"],
        "executor_id": message.get("executor_id", {}).get("value", ""),
        "slave_id": message.get("agent_id", {}).get("value", ""),
        "state": message["state"],
        "resources": _task_quantities(resources),
        "role": resources[0].get("allocation_info", {}).get("role", "*") if resources else "*",
        "statuses": [_status(item) for item in message.get("statuses", ())],
    }
    if "user" in message:
        result["user"] = message["user"]
    if "labels" in message:
        result["labels"] = message["labels"].get("labels", [])
    for name in ("discovery", "container", "health_check"):
        if name in message:
            result[name] = message[name]
    return result


def _task_quantities(resources: list[Json]) -> Json:
    """Resources of a task summed by name: scalars as the task asked for them, not rounded to thousandths.

    Not by `Resources`: it is done for every task of a snapshot.
    """
    sums = dict.fromkeys(_USUAL, 0.0)
    spans: list[Span] = []
    for item in resources:
        name = item["name"]
        if "scalar" in item:
            before = sums.get(name, 0.0)
            value = item["scalar"]["value"]
            # A sum of decimals as people read it.
            sums[name] = float(f"{before + value:.12g}") if before else value
        elif name == "ports":
            spans += [(part["begin"], part["end"]) for part in item.get("ranges", {}).get("range", ())]
    result: Json = sums
    if len(sums) > len(_USUAL):
        result = {name: sums[name] for name in (*_USUAL, *sorted(sums.keys() - set(_USUAL)))}
    if spans:
        result["ports"] = f"[{', '.join(f'{begin}-{end}' for begin, end in merge(spans))}]"
    return result


def executor(item: Executor, agent_id: str) -> Json:
    """An executor as the classic endpoints print it."""
    resources = item.info.get("resources", [])
    command = item.info.get("command", {})
    shown: Json = {"shell": command.get("shell", True)}
    if "value" in command:
        shown["value"] = command["value"]
    shown["argv"] = command.get("arguments", [])
    if "environment" in command:
        shown["environment"] = command["environment"]
    shown["uris"] = [
        {"value": uri["value"], "executable": uri.get("executable", False)} for uri in command.get("uris", [])
    ]
    result: Json = {
        "executor_id": item.executor_id,
        "name": item.info.get("name", ""),
        "framework_id": item.framework_id,
        "command": shown,
        "resources": quantities(item.resources),
        "role": next((str(part["allocation_info"]["role"]) for part in resources if "allocation_info" in part), "*"),
    }
    if "labels" in item.info:
        result["labels"] = item.info["labels"].get("labels", [])
    if "type" in item.info:
        result["type"] = item.info["type"]
    return result | {"slave_id": agent_id}


def _status(status: Json) -> Json:
    result: Json = {"state": status["state"], "timestamp": status.get("timestamp", 0.0)}
    if "labels" in status:
        result["labels"] = status["labels"].get("labels", [])
    if "container_status" in status:
        result["container_status"] = {
            name: part for name, part in status["container_status"].items() if name != "executor_pid"
        }
    if "healthy" in status:
        result["healthy"] = status["healthy"]
    return result


def attributes(info: Json) -> Json:
    """Attributes by name."""
    result: Json = {}
    for item in info.get("attributes", ()):
        match item["type"]:
            case "TEXT":
                result[item["name"]] = item["text"]["value"]
            case "SCALAR":
                result[item["name"]] = item["scalar"]["value"]
            case "RANGES":
                spans = ", ".join(f"{span['begin']}-{span['end']}" for span in item["ranges"]["range"])
                result[item["name"]] = f"[{spans}]"
    return result


def by_reservation(resources: Resources) -> dict[str, Resources]:
    """Resources by the role they are reserved for, `*` for the rest."""
    roles = {reservation_role(item) for item in resources}
    return {role: resources.where(lambda item, role=role: reservation_role(item) == role) for role in sorted(roles)}  # type: ignore[misc]


def _offered(offers: Iterable[Offer]) -> Resources:
    return Resources.sum(offer.resources for offer in offers)


def slave(agent: Agent, *, full: bool, used: Resources) -> Json:
    """One element of `slaves`, of which so much is `used`; `full` adds the complete resources, as /slaves does."""
    split = by_reservation(agent.total)
    unreserved = split.pop("*", Resources())
    offered = _offered(agent.offers.values())
    result: Json = {
        "id": agent.agent_id,
        "hostname": agent.hostname,
        "port": agent.info["port"],
        "attributes": attributes(agent.info),
    }
    if "domain" in agent.info:
        result["domain"] = agent.info["domain"]
    result |= {"pid": agent.pid, "registered_time": agent.registered}
    if agent.reregistered is not None:
        result["reregistered_time"] = agent.reregistered
    result |= {
        "resources": quantities(agent.total),
        "used_resources": quantities(used),
        "offered_resources": quantities(offered),
        "reserved_resources": {role: quantities(part) for role, part in split.items()},
        "unreserved_resources": quantities(unreserved),
        "active": agent.connection is not None and not agent.deactivated,
        "deactivated": agent.deactivated,
        "version": agent.version,
        "capabilities": list(AGENT_CAPABILITIES),
    }
    if agent.drain is not None:
        result["drain_info"] = drain_info(agent)
        result["estimated_drain_start_time_seconds"] = agent.drain["since"]
    if full:
        result |= {
            "reserved_resources_full": {role: with_role(part) for role, part in split.items()},
            "unreserved_resources_full": with_role(unreserved),
            "used_resources_full": with_role(used),
            "offered_resources_full": with_role(offered),
        }
    return result


def slaves(state: State, *, full: bool, only: str | None = None, used: Usage | None = None) -> Json:
    """/slaves, and the part of /state; `only` one agent. `used` if known already."""
    known = (used or usage(state)).by_agent
    return {
        "slaves": [
            slave(agent, full=full, used=known[agent.agent_id])
            for agent in state.agents.values()
            if only in (None, agent.agent_id)
        ],
        "recovered_slaves": [
            {
                "id": agent_id,
                "hostname": info["hostname"],
                "port": info["port"],
                "attributes": attributes(info),
                **({"domain": info["domain"]} if "domain" in info else {}),
            }
            for agent_id, info in state.recovered_agents.items()
            if only in (None, agent_id)
        ],
    }


def _task(note: Noted) -> Json:
    return task(note.content())


def framework(state: State, item: Framework, used: Resources) -> Json:
    """One element of `frameworks`."""
    offers = [offer for offer in state.offers.values() if offer.framework_id == item.framework_id]
    offered = _offered(offers)
    info = item.info
    result: Json = {
        "id": item.framework_id,
        "name": info["name"],
        "used_resources": quantities(used),
        "offered_resources": quantities(offered),
        "capabilities": [entry.get("type") for entry in info.get("capabilities", ())],
        "hostname": info.get("hostname", ""),
        "webui_url": info.get("webui_url", ""),
        "active": item.connected,
        "connected": item.connected,
        "recovered": item.recovered,
        "user": info["user"],
        "failover_timeout": info.get("failover_timeout", 0.0),
        "checkpoint": info.get("checkpoint", False),
        "registered_time": item.registered,
        "unregistered_time": item.unregistered,
    }
    if "principal" in info:
        result["principal"] = info["principal"]
    if item.returned:
        result["reregistered_time"] = item.reregistered
    result["resources"] = quantities(used + offered)
    result["roles" if item.has("MULTI_ROLE") else "role"] = item.roles if item.has("MULTI_ROLE") else item.roles[0]
    result |= {
        "tasks": listed(item.tasks.values(), _task),
        "unreachable_tasks": listed(item.unreachable.values(), _task),
        "completed_tasks": listed(item.completed, _task),
        "offers": [
            {
                "id": offer.offer_id,
                "framework_id": offer.framework_id,
                "allocation_info": {"role": offer.role},
                "slave_id": offer.agent_id,
                "resources": quantities(offer.resources),
            }
            for offer in offers
        ],
        "executors": [
            executor(found, agent.agent_id)
            for agent in state.agents.values()
            for found in agent.executors.values()
            if found.framework_id == item.framework_id
        ],
    }
    if "labels" in info:
        result["labels"] = info["labels"].get("labels", [])
    result["offer_constraints"] = item.offer_constraints
    return result


def frameworks(state: State, *, only: str | None = None, used: Usage | None = None) -> Json:
    """/frameworks, and the part of /state; `only` one of them. `used` if known already."""
    known = (used or usage(state)).by_framework

    def chosen(items: dict[str, Framework]) -> list[Json]:
        return [
            framework(state, item, known.get(item.framework_id, Resources()))
            for item in items.values()
            if only in (None, item.framework_id)
        ]

    return {"frameworks": chosen(state.frameworks), "completed_frameworks": chosen(state.completed_frameworks)}


def tasks(
    state: State,
    *,
    limit: int = 100,
    offset: int = 0,
    newest_first: bool = True,
    framework_id: str | None = None,
    task_id: str | None = None,
) -> Json:
    """/tasks: all tasks of all frameworks, or those with the ids asked for."""
    found: list[Task] = []
    for item in [*state.completed_frameworks.values(), *state.frameworks.values()]:
        found += [*item.completed, *item.unreachable.values(), *item.tasks.values()]
    found = [task for task in found if framework_id in (None, task.framework_id) and task_id in (None, task.task_id)]
    found.sort(key=lambda entry: entry.statuses[0]["timestamp"] if entry.statuses else 0.0, reverse=newest_first)
    return {"tasks": listed(found[offset : offset + limit], _task)}


def roles(state: State) -> Json:
    """/roles."""
    owners, everything = role_names(state), allocated(state)
    reserved: dict[str, Resources] = {}
    for agent in state.agents.values():
        for role, part in by_reservation(agent.total).items():
            if role != "*":
                reserved[role] = reserved.get(role, Resources()) + part
    result = []
    for role in owners:
        used = everything.where(lambda entry, role=role: entry.get("allocation_info", {}).get("role") == role)  # type: ignore[misc]
        offered = _offered(offer for offer in state.offers.values() if offer.role == role)
        result.append(
            {
                "name": role,
                "weight": state.weights.get(role, 1.0),
                "quota": {
                    "role": role,
                    "guarantee": {
                        name: value["value"] for name, value in state.quotas.get(role, {}).get("guarantees", {}).items()
                    },
                    "limit": {
                        name: value["value"] for name, value in state.quotas.get(role, {}).get("limits", {}).items()
                    },
                    # Reservations count against a quota, used or not.
                    "consumed": _counts(
                        reserved.get(role, Resources()) + used.where(lambda entry: reservation_role(entry) == "*")
                    ),
                },
                "resources": _counts(used + offered),
                "allocated": _counts(used),
                "offered": _counts(offered),
                "reserved": _counts(reserved.get(role, Resources())),
                "frameworks": [item.framework_id for item in owners.get(role, ())],
            }
        )
    return {"roles": result}


def _counts(resources: Resources) -> Json:
    result: Json = {name: amount / 1000 for name, amount in sorted(resources.scalars().items())}
    ports = sum(end - begin + 1 for begin, end in resources.spans("ports"))
    return result | {"ports": float(ports)} if ports else result


def _head(state: State) -> Json:
    info = master_info(state)
    domain = {"domain": info["domain"]} if "domain" in info else {}
    return {
        **BUILD,
        "start_time": state.started,
        "elected_time": state.started,
        "id": info["id"],
        "pid": info["pid"],
        "hostname": info["hostname"],
        "capabilities": list(MASTER_CAPABILITIES),
        "activated_slaves": float(sum(agent.connection is not None for agent in state.agents.values())),
        "deactivated_slaves": float(sum(agent.connection is None for agent in state.agents.values())),
        "unreachable_slaves": float(len(state.unreachable_agents)),
        **({"cluster": state.config.cluster} if state.config.cluster else {}),
        **domain,
        "leader": info["pid"],
        "leader_info": {name: info[name] for name in ("id", "pid", "port", "hostname")} | domain,
        **({"log_dir": state.config.log_dir} if state.config.log_dir else {}),
    }


def full_state(state: State) -> Json:
    """/state."""
    used = usage(state)
    return {
        **_head(state),
        "flags": flags(state.config),
        **slaves(state, full=False, used=used),
        **frameworks(state, used=used),
        "orphan_tasks": [],
        "unregistered_frameworks": [],
    }


def _state_counts(tasks: Iterable[Task]) -> Json:
    states = [item.state for item in tasks]
    return {f"TASK_{name}": states.count(f"TASK_{name}") for name in _STATES}


def summary(state: State) -> Json:
    """/state-summary."""
    everything = [
        task
        for item in state.frameworks.values()
        for task in (*item.tasks.values(), *item.unreachable.values(), *item.completed)
    ]
    used = usage(state)
    there: dict[str, list[Task]] = {agent_id: [] for agent_id in state.agents}
    for task in everything:
        if task.agent_id in there:
            there[task.agent_id].append(task)
    return {
        "hostname": state.config.hostname,
        **({"cluster": state.config.cluster} if state.config.cluster else {}),
        "slaves": [
            slave(agent, full=False, used=used.by_agent[agent.agent_id])
            | _state_counts(there[agent.agent_id])
            | {"framework_ids": sorted({task.framework_id for task in there[agent.agent_id]})}
            for agent in state.agents.values()
        ],
        "frameworks": [
            {
                name: part
                for name, part in framework(state, item, used.by_framework[item.framework_id]).items()
                if name in _SUMMARY
            }
            | _state_counts(task for task in everything if task.framework_id == item.framework_id)
            | {"slave_ids": sorted({task.agent_id for task in everything if task.framework_id == item.framework_id})}
            for item in state.frameworks.values()
        ],
    }


_SUMMARY = (
    "id", "name", "used_resources", "offered_resources", "capabilities", "hostname", "webui_url", "active", "connected",
    "recovered",
)  # fmt: skip
