"""Maintenance: schedules, inverse offers and the answers to them, machines going down and up again.

Knows the checks of the real master and its texts. Inverse offers are made at the end of an allocation to every
framework that uses or is offered something of an agent on a scheduled machine (`inverse`); an answer is only recorded
for the operator.
"""

import ipaddress
from collections.abc import Iterable

from sdk.local.core.allocation import allocate, mark_dirty, offers_of, refusal, rescind
from sdk.local.core.emit import nanoseconds, persist
from sdk.local.core.inverse import answer_inverse, withdraw
from sdk.local.core.machines import Machine, MachineKey, machine_key
from sdk.local.core.model import Agent, Framework, State
from sdk.local.core.outputs import Answer
from sdk.local.core.removal import shut_down
from sdk.local.core.wire import Json, ids


def schedule(state: State) -> Json:
    """The schedule as it is shown."""
    return {"windows": state.maintenance.windows} if state.maintenance.windows else {}


def status(state: State) -> Json:
    """The ClusterStatus: machines by mode, and what frameworks answered about those that drain."""
    places: dict[MachineKey, list[Agent]] = {}
    for agent in state.agents.values():
        if agent.machine in state.maintenance.machines:
            places.setdefault(agent.machine, []).append(agent)
    draining, down = [], []
    for key, machine in state.maintenance.machines.items():
        if machine.down:
            down.append(machine.machine_id)
            continue
        known = [state.maintenance.draining.get(agent.agent_id) for agent in places.get(key, ())]
        answers = [answer for item in known if item is not None for answer in item.statuses.values()]
        draining.append({"id": machine.machine_id} | ({"statuses": answers} if answers else {}))
    found: Json = {"draining_machines": draining} if draining else {}
    return found | ({"down_machines": down} if down else {})


# --- checks --------------------------------------------------------------------------------------------------------


def _described(machine: Json) -> str:
    return "".join(f'{name}: "{machine[name]}"\n' for name in ("hostname", "ip") if name in machine)


def _machine_problem(machine: Json) -> str | None:
    ip = machine.get("ip", "")
    if not machine.get("hostname") and not ip:
        return "Both 'hostname' and 'ip' for a machine are empty"
    if ip:
        try:
            ipaddress.IPv4Address(ip)
        except ValueError:
            return f"Failed to parse the IP '{ip}'"
    return None


def _machines_problem(machines: Iterable[Json], seen: set[MachineKey]) -> str | None:
    """Why these machines may not stand in one list with those seen; all of them are then seen."""
    for machine in machines:
        why = _machine_problem(machine)
        if why is not None:
            return why
        if machine_key(machine) in seen:
            return f"Machine '{_described(machine)}' appears more than once in the schedule"
        seen.add(machine_key(machine))
    return None


def _schedule_problem(state: State, windows: list[Json]) -> str | None:
    seen: set[MachineKey] = set()
    for window in windows:
        if not window.get("machine_ids"):
            return "List of machines in the maintenance window is empty"
        if window["unavailability"].get("duration", {}).get("nanoseconds", 0) < 0:
            return "Unavailability 'duration' is negative"
        why = _machines_problem(window["machine_ids"], seen)
        if why is not None:
            return why
    for key, machine in state.maintenance.machines.items():
        if machine.down and key not in seen:
            return f"Machine '{_described(machine.machine_id)}' is deactivated and cannot be removed from the schedule"
    return None


def _list_problem(state: State, machines: list[Json], *, down: bool) -> str | None:
    """Why these machines cannot be taken down, or (`down`) brought up."""
    if not machines:
        return "List of machines is empty"
    why = _machines_problem(machines, set())
    if why is not None:
        return why
    for machine in machines:
        known = state.maintenance.machines.get(machine_key(machine))
        shown = ",".join(f'"{name}":"{machine[name]}"' for name in ("hostname", "ip") if name in machine)
        if known is None:
            return f"Machine '{{{shown}}}' is not part of a maintenance schedule"
        if known.down != down:
            wanted, way = ("DOWN", "up") if down else ("DRAINING", "down")
            return f"Machine '{{{shown}}}' is not in {wanted} mode and cannot be brought {way}"
    return None


# --- operators -----------------------------------------------------------------------------------------------------


def update(state: State, wanted: Json, now: float) -> Answer:
    """UPDATE_MAINTENANCE_SCHEDULE: machines that are new in it drain from now on, those that left it are up."""
    windows: list[Json] = wanted.get("windows", [])
    why = _schedule_problem(state, windows)
    if why is not None:
        return Answer(status=400, text=why)
    old = state.maintenance.machines
    new: dict[MachineKey, Machine] = {}
    for window in windows:
        for machine in window["machine_ids"]:
            key = machine_key(machine)
            down = key in old and old[key].down
            new[key] = Machine(machine_id=machine, unavailability=window["unavailability"], down=down)
    state.maintenance.machines, state.maintenance.windows = new, windows
    persist(state)
    touched = [agent for agent in state.agents.values() if agent.machine in old or agent.machine in new]
    for agent in touched:
        # Everybody is asked again, and sees the new times, even if they are the old ones.
        withdraw(state, [agent])
        if agent.machine in new:
            rescind(state, offers_of(agent), now)
    if touched:
        allocate(state, now, touched)
    return Answer(status=200)


def start(state: State, machines: list[Json], now: float) -> Answer:
    """START_MAINTENANCE: the agents of these machines are shut down, and refused until the machines are up again."""
    why = _list_problem(state, machines, down=False)
    if why is not None:
        return Answer(status=400, text=why)
    keys = {machine_key(machine) for machine in machines}
    for key in keys:
        state.maintenance.machines[key].down = True
    persist(state)
    for agent in [agent for agent in state.agents.values() if agent.machine in keys]:
        withdraw(state, [agent])
        shut_down(state, agent, "Operator initiated 'Machine DOWN'", now)
    mark_dirty(state, now)
    return Answer(status=200)


def stop(state: State, machines: list[Json]) -> Answer:
    """STOP_MAINTENANCE: these machines are up, and no longer in the schedule."""
    why = _list_problem(state, machines, down=True)
    if why is not None:
        return Answer(status=400, text=why)
    keys = {machine_key(machine) for machine in machines}
    for key in keys:
        del state.maintenance.machines[key]
    windows = []
    for window in state.maintenance.windows:
        left = [machine for machine in window["machine_ids"] if machine_key(machine) not in keys]
        if left:
            windows.append(window | {"machine_ids": left})
    state.maintenance.windows = windows
    persist(state)
    return Answer(status=200)


# --- frameworks ----------------------------------------------------------------------------------------------------


def answered(state: State, framework: Framework, call: Json, now: float) -> None:
    """ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS: recorded for the operator; unknown ones are passed over."""
    kind = call["type"]
    content = call[kind.lower()]
    for offer_id in ids(content.get("inverse_offer_ids")):
        said = {
            "status": kind.partition("_")[0],
            "framework_id": {"value": framework.framework_id},
            "timestamp": nanoseconds(now),
        }
        seconds = refusal(content.get("filters", {}).get("refuse_seconds"))
        answer_inverse(state, framework, offer_id, said, seconds, now)
    mark_dirty(state, now)
