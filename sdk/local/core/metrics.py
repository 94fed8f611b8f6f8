"""/metrics/snapshot of a master: every name that a real one has, made of what is counted and what can be seen.

Counters are plain numbers in the state (`State.count`, `Framework.count`), named as their metric without its head. What
only the process around the core can measure comes in as `Measured`. Of things that do not exist here (GPUs, revocable
resources, authentication of agents) there are none, hence zeros.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from sdk.local.core.model import Framework, State
from sdk.local.core.resources import Resources, reservation_role
from sdk.local.core.wire import Json

_CALLS = (
    "accept", "accept_inverse_offers", "acknowledge", "acknowledge_operation_status", "decline",
    "decline_inverse_offers", "kill", "message", "reconcile", "reconcile_operations", "request", "revive", "shutdown",
    "subscribe", "suppress", "teardown", "update_framework",
)  # fmt: skip
# Names that are older than the calls they count.
_MESSAGES = {
    "decline": "decline_offers", "kill": "kill_task", "reconcile": "reconcile_tasks", "request": "resource_request",
    "revive": "revive_offers", "acknowledge": "status_update_acknowledgement", "suppress": "suppress_offers",
    "acknowledge_operation_status": "operation_status_update_acknowledgement", "teardown": "unregister_framework",
    "message": "framework_to_executor", "reconcile_operations": "reconcile_operations",
}  # fmt: skip
_EVENTS = (
    "error", "failure", "heartbeat", "inverse_offers", "message", "offers", "rescind", "rescind_inverse_offer",
    "subscribed", "update", "update_operation_status",
)  # fmt: skip
_OPERATIONS = (
    "create", "create_disk", "destroy", "destroy_disk", "grow_volume", "reserve", "shrink_volume", "unreserve",
)  # fmt: skip
_OPERATION_STATES = (
    "dropped", "error", "failed", "finished", "gone_by_operator", "recovering", "total", "unreachable",
)  # fmt: skip
_ACTIVE = ("killing", "running", "staging", "starting")
_ENDED = ("dropped", "error", "failed", "finished", "gone", "gone_by_operator", "killed", "lost")
_COUNTED = (
    "dropped_messages", "http_cache_hits", "recovery_slave_removals", "slave_registrations", "slave_removals",
    "slave_removals/reason_registered", "slave_removals/reason_unhealthy", "slave_removals/reason_unregistered",
    "slave_reregistrations", "slave_shutdowns_canceled", "slave_shutdowns_completed", "slave_shutdowns_scheduled",
    "slave_unreachable_canceled", "slave_unreachable_completed", "slave_unreachable_scheduled",
    *(f"{kind}_{what}" for kind in ("invalid", "valid") for what in (
        "executor_to_framework_messages", "framework_to_executor_messages", "operation_status_update_acknowledgements",
        "operation_status_updates", "status_update_acknowledgements", "status_updates")),
    *(f"messages_{what}" for what in (
        "authenticate", "deactivate_framework", "executor_to_framework", "exited_executor", "launch_tasks",
        "operation_status_update", "register_framework", "register_slave", "reregister_framework", "reregister_slave",
        "status_update", "unregister_slave", "update_slave")),
)  # fmt: skip
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "p9999": 0.9999}
_NO_ROLE = {"role": "*"}
_SHARED = ("cpus", "disk", "mem")
"""The resources that the allocator shares out fairly and reports."""


class Series:
    """The last thousand measurements of a kind, in milliseconds."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=1000)

    def add(self, milliseconds: float) -> None:
        """One more."""
        self._values.append(milliseconds)

    def figures(self, name: str) -> dict[str, float]:
        """The last value and the spread; nothing before the first measurement."""
        if not self._values:
            return {}
        ranked = sorted(self._values)
        spread = {"count": float(len(ranked)), "min": ranked[0], "max": ranked[-1]}
        spread |= {label: _quantile(ranked, part) for label, part in _PERCENTILES.items()}
        return {name: self._values[-1]} | {f"{name}/{label}": value for label, value in spread.items()}


def _quantile(ranked: list[float], part: float) -> float:
    """Between the two nearest measurements, in proportion."""
    place = part * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])


@dataclass(slots=True, kw_only=True)
class Measured:
    """What the process around a core measures, times in milliseconds."""

    allocation_run_ms: Series = field(default_factory=Series)
    """How long the inputs took that led to an allocation."""
    allocation_run_latency_ms: Series = field(default_factory=Series)
    """How late those allocations were that had a time."""
    state_store_ms: Series = field(default_factory=Series)
    state_fetch_ms: float | None = None
    registry_bytes: int = 0
    queued_events: int = 0
    """Events and messages that wait to be written to their streams."""
    queued_requests: int = 0
    """Requests that have begun to arrive and are not handled yet."""

    def figures(self) -> dict[str, float]:
        """Their metrics."""
        result = {
            # Inputs are handled one after the other, and an allocation within the input that asks for it.
            "allocator/event_queue_dispatches": 0.0,
            "allocator/mesos/event_queue_dispatches": 0.0,
            "master/event_queue_dispatches": float(self.queued_events),
            "master/event_queue_http_requests": float(self.queued_requests),
            "master/event_queue_messages": 0.0,
            # The registry is one file, which is written before anything relies on it.
            "registrar/log/ensemble_size": 1.0,
            "registrar/log/recovered": 1.0,
            "registrar/queued_operations": 0.0,
            "registrar/registry_size_bytes": float(self.registry_bytes),
        }
        if self.state_fetch_ms is not None:
            result["registrar/state_fetch_ms"] = self.state_fetch_ms
        result |= self.state_store_ms.figures("registrar/state_store_ms")
        result |= self.allocation_run_ms.figures("allocator/mesos/allocation_run_ms")
        return result | self.allocation_run_latency_ms.figures("allocator/mesos/allocation_run_latency_ms")


def get_metrics(figures: Mapping[str, float]) -> Json:
    """The content of an answer to GET_METRICS."""
    return {"metrics": [{"name": name, "value": value} for name, value in figures.items()]}


def metrics(
    state: State,
    now: float,
    computer: Json | None = None,
    measured: Measured | None = None,
    *,
    elected: bool = True,
) -> dict[str, float]:
    """All metrics by name. `computer` is what /system/stats.json tells."""
    frameworks = state.frameworks.values()
    agents = state.agents.values()
    connected = float(sum(agent.connection is not None for agent in agents))
    active = float(sum(agent.connection is not None and not agent.deactivated for agent in agents))
    subscribed = float(sum(item.connected for item in frameworks))
    result: dict[str, float] = {
        "master/uptime_secs": now - state.started,
        "master/elected": float(elected),
        "master/slaves_active": active,
        "master/slaves_connected": connected,
        "master/slaves_disconnected": len(agents) - connected,
        "master/slaves_inactive": len(agents) - active,
        "master/slaves_unreachable": float(len(state.unreachable_agents)),
        "master/frameworks_active": subscribed,
        "master/frameworks_connected": subscribed,
        "master/frameworks_disconnected": len(frameworks) - subscribed,
        "master/frameworks_inactive": len(frameworks) - subscribed,
        "master/outstanding_offers": float(len(state.offers)),
        "master/operator_event_stream_subscribers": float(len(state.operators)),
    }
    result |= {f"master/{name}": float(state.metrics.get(name, 0)) for name in _COUNTED}
    for call, name in _MESSAGES.items():
        result[f"master/messages_{name}"] = float(state.metrics.get(f"calls/{call}", 0))
    # A launch of no tasks is counted with the refusals.
    result["master/messages_decline_offers"] += state.metrics.get("messages_decline_offers", 0)
    result |= _operations(state)
    result |= _tasks(state)
    total, held = _totals(state), _held(state)
    result |= _resources(state, total, held)
    result |= _allocator(state, total, held)
    for item in (*state.completed_frameworks.values(), *frameworks):
        result |= _framework(item)
    result |= (measured or Measured()).figures()
    if computer:
        result |= system(computer)
    return dict(sorted(result.items()))


def system(computer: Json) -> dict[str, float]:
    """The metrics of the machine, from what /system/stats.json tells."""
    return {
        "system/cpus_total": float(computer["cpus_total"]),
        "system/load_1min": computer["avg_load_1min"],
        "system/load_5min": computer["avg_load_5min"],
        "system/load_15min": computer["avg_load_15min"],
        "system/mem_free_bytes": float(computer["mem_free_bytes"]),
        "system/mem_total_bytes": float(computer["mem_total_bytes"]),
    }


def _tasks(state: State) -> dict[str, float]:
    live = Counter(task.state for item in state.frameworks.values() for task in item.tasks.values())
    unreachable = sum(len(item.unreachable) for item in state.frameworks.values())
    result = {"master/tasks_unreachable": float(unreachable)}
    result |= {f"master/tasks_{name}": float(live[f"TASK_{name.upper()}"]) for name in _ACTIVE}
    for name in _ENDED:
        # Ended and acknowledged, or still waiting for that.
        ended = state.metrics.get(f"tasks/{name}", 0) + live[f"TASK_{name.upper()}"]
        result[f"master/tasks_{name}"] = float(ended)
    causes = {name: value for name, value in state.metrics.items() if name.startswith("task_")}
    return result | {f"master/{name}": float(value) for name, value in causes.items()}


def _operations(state: State) -> dict[str, float]:
    pending = Counter(
        operation.info["type"].lower()
        for agent in state.agents.values()
        for operation in agent.operations.values()
        if operation.state == "OPERATION_PENDING"
    )
    result = {"master/operations/pending": float(pending.total())}
    result |= {f"master/operations/{kind}/pending": float(pending[kind]) for kind in _OPERATIONS}
    for head in ("operations", *(f"operations/{kind}" for kind in _OPERATIONS)):
        result |= {f"master/{head}/{name}": float(state.metrics.get(f"{head}/{name}", 0)) for name in _OPERATION_STATES}
    return result


def _totals(state: State) -> Counter[str]:
    """Thousandths by scalar name of all agents."""
    total: Counter[str] = Counter()
    for agent in state.agents.values():
        total.update(agent.total.scalars())
    return total


def _held(state: State) -> dict[str, Counter[str]]:
    """Thousandths by role and scalar name of what is used or offered."""
    result: dict[str, Counter[str]] = {}
    for framework in state.frameworks.values():
        for role, held in framework.held.items():
            result.setdefault(role, Counter()).update(held)
    return result


def _resources(state: State, total: Counter[str], held: dict[str, Counter[str]]) -> dict[str, float]:
    used = Counter[str]()
    for amounts in held.values():
        used.update(amounts)
    for offer in state.offers.values():
        used.subtract(offer.resources.scalars())
    result: dict[str, float] = {}
    for name in ("cpus", "mem", "disk", "gpus"):
        have, taken = total[name] / 1000, used[name] / 1000
        result |= {f"master/{name}_total": have, f"master/{name}_used": taken}
        result[f"master/{name}_percent"] = taken / have if have else 0.0
        result |= {f"master/{name}_revocable_{what}": 0.0 for what in ("total", "used", "percent")}
    return result


def _allocator(state: State, total: Counter[str], held: dict[str, Counter[str]]) -> dict[str, float]:
    head = "allocator/mesos"
    result = {f"{head}/allocation_runs": float(state.metrics.get("allocation_runs", 0))}
    for name in _SHARED:
        taken = sum(amounts[name] for amounts in held.values())
        result |= {f"{head}/resources/{name}/total": total[name] / 1000}
        result |= {f"{head}/resources/{name}/offered_or_allocated": taken / 1000}
    filters = Counter(item.role for item in state.filters)
    for role in {role for framework in state.frameworks.values() for role in framework.roles}:
        amounts = held.get(role, Counter())
        share = max((amounts[name] / total[name] for name in _SHARED if total[name]), default=0.0)
        result[f"{head}/roles/{role}/shares/dominant"] = share / state.weights.get(role, 1.0)
        result[f"{head}/offer_filters/roles/{role}/active"] = float(filters[role])
    for role, consumed in _consumed(state).items():
        for name, amount in consumed.items():
            result[f"{head}/quota/roles/{role}/resources/{name}/consumed"] = amount / 1000
    for role, config in state.quotas.items():
        for name, value in config.get("guarantees", {}).items():
            result[f"{head}/quota/roles/{role}/resources/{name}/guarantee"] = value["value"]
    return result


def _consumed(state: State) -> dict[str, Counter[str]]:
    """Thousandths by role and scalar name that count against a quota: reservations, used or not, and what is used of
    the rest. A role's ancestors consume what it does; the root is the empty name.
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for agent in state.agents.values():
        for item, amount in agent.total.amounts():
            if item.get("reservations"):
                sums[reservation_role(item), item["name"]] += amount
    for resources, times in _in_use(state):
        for item, amount in resources.amounts():
            if not item.get("reservations"):
                sums[item.get("allocation_info", _NO_ROLE)["role"], item["name"]] += amount * times
    result: dict[str, Counter[str]] = defaultdict(Counter)
    for (role, name), amount in sums.items():
        parts = role.split("/")
        for above in ("", *("/".join(parts[: count + 1]) for count in range(len(parts)))):
            result[above][name] += amount
    return result


def _in_use(state: State) -> Iterable[tuple[Resources, int]]:
    """What tasks and executors use, and how often; thousands of tasks may share one object."""
    everything = [task.resources for item in state.frameworks.values() for task in item.tasks.values() if task.charged]
    everything += [executor.resources for agent in state.agents.values() for executor in agent.executors.values()]
    times = Counter(map(id, everything))
    return [(item, times[name]) for name, item in {id(item): item for item in everything}.items()]


def _framework(item: Framework) -> dict[str, float]:
    head = f"master/frameworks/{quote(item.info['name'], safe='')}/{item.framework_id}"
    counted = item.metrics
    result = {f"{head}/subscribed": float(item.connected)}
    if "principal" in item.info:
        # Only messages of drivers are counted here; all that arrives are calls.
        result |= {f"frameworks/{item.info['principal']}/messages_{what}": 0.0 for what in ("processed", "received")}
    kinds = {"calls": _CALLS, "events": _EVENTS, "operations": (*_OPERATIONS, "launch", "launch_group")}
    for kind, names in kinds.items():
        counts = {name: float(counted.get(f"{kind}/{name}", 0)) for name in names}
        result[f"{head}/{kind}"] = sum(counts.values())
        result |= {f"{head}/{kind}/{name}": count for name, count in counts.items()}
    for name in ("accepted", "declined", "rescinded", "sent"):
        result[f"{head}/offers/{name}"] = float(counted.get(f"offers/{name}", 0))
    for role in item.roles:
        result[f"{head}/roles/{role}/suppressed"] = float(role in item.suppressed)
    live = Counter(task.state for task in item.tasks.values())
    for name in _ACTIVE:
        result[f"{head}/tasks/active/task_{name}"] = float(live[f"TASK_{name.upper()}"])
    result[f"{head}/tasks/active/task_unknown"] = 0.0
    result[f"{head}/tasks/active/task_unreachable"] = float(len(item.unreachable))
    for name in _ENDED:
        ended = counted.get(f"tasks/{name}", 0) + live[f"TASK_{name.upper()}"]
        result[f"{head}/tasks/terminal/task_{name}"] = float(ended)
    return result
