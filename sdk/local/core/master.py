"""The master as one object without I/O: calls, agent messages and the passing of time go in, outputs come out.

    master = Master(MasterConfig(master_id="m"), now=0.0)
    answer = master.call({"type": "SUBSCRIBE", ...}, stream=None, now=0.0, new_stream="s1")
    outputs = master.agent_message("a1", {"type": "REGISTER", "agent_info": {...}}, now=0.0)
    outputs = master.tick(now=1.0)        # call it again not later than master.next_tick()

Time (seconds, `now` never goes back), stream ids and the master's id come from the caller; nothing here is random. JSON
dicts have the shape of the Mesos v1 API. A call that Mesos refuses comes back as an `Answer` with its HTTP status and
text; it changes nothing.

Messages of agents (`agent_message`): REGISTER {agent_info}, REREGISTER {agent_info with id, resources, frameworks,
executors, tasks, operations}, PONG, UPDATE {framework_id, status, latest_state}, MESSAGE {framework_id, executor_id,
data}, EXITED_EXECUTOR {framework_id, executor_id, status}, OPERATION_STATUS {framework_id, operation_uuid, status,
resources? if it failed},
UNREGISTER. Messages to agents are in `sdk.local.core.agent`.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sdk.local.core import (
    accept,
    accounts,
    allocation,
    connections,
    drains,
    feedback,
    frameworks,
    maintenance,
    operator,
    pings,
    registration,
    removal,
    tasks,
    views,
)
from sdk.local.core.authorization import register_problem
from sdk.local.core.emit import registry as registry_of
from sdk.local.core.machines import Maintenance
from sdk.local.core.model import Framework, MasterConfig, State, roles_of
from sdk.local.core.outputs import Answer, CloseOperator, Output, ToOperator
from sdk.local.core.wire import BadMessage, Json, convert

_CONTENT = {
    "SUBSCRIBE": "subscribe",
    "ACCEPT": "accept",
    "DECLINE": "decline",
    "ACCEPT_INVERSE_OFFERS": "accept_inverse_offers",
    "DECLINE_INVERSE_OFFERS": "decline_inverse_offers",
    "KILL": "kill",
    "SHUTDOWN": "shutdown",
    "ACKNOWLEDGE": "acknowledge",
    "ACKNOWLEDGE_OPERATION_STATUS": "acknowledge_operation_status",
    "RECONCILE": "reconcile",
    "RECONCILE_OPERATIONS": "reconcile_operations",
    "MESSAGE": "message",
    "UPDATE_FRAMEWORK": "update_framework",
}
_TYPES = frozenset(_CONTENT) | {"TEARDOWN", "REVIVE", "SUPPRESS", "REQUEST"}


class Master:
    """One leading master. `state` may be read by anybody and is changed only by these methods."""

    def __init__(self, config: MasterConfig, *, now: float, registry: Json | None = None) -> None:
        known = registry or {}
        self.state = State(
            config=config,
            started=now,
            last_allocation=now,
            recovered_agents=dict(known.get("agents", {})),
            unreachable_agents=dict(known.get("unreachable", {})),
            gone_agents=dict(known.get("gone", {})),
            removed_frameworks=list(known.get("removed_frameworks", [])),
            deactivated=dict(known.get("deactivated", {})),
            weights=dict(known.get("weights", {})),
            quotas=dict(known.get("quotas", {})),
            maintenance=Maintenance.of(known.get("maintenance", {})),
        )
        if self.state.recovered_agents:
            self.state.recover_until = now + config.agent_reregister_timeout
            allocation.hold_offers(self.state, now)

    def _take(self, now: float) -> tuple[Output, ...]:
        # Whatever happened may have been the last thing that an agent's drain waited for.
        drains.settle(self.state, now)
        outputs = tuple(self.state.out)
        self.state.out.clear()
        return outputs

    def registry(self) -> Json:
        """What a later master of this cluster starts from."""
        return registry_of(self.state)

    # --- schedulers -----------------------------------------------------------------------------------------------

    def call(
        self, call: Any, *, stream: str | None, now: float, new_stream: str = "", principal: str | None = None
    ) -> Answer:
        """One POST to /api/v1/scheduler, by `principal` if it had to say who it is.

        `stream` is the Mesos-Stream-Id header or None; `new_stream` the id that a SUBSCRIBE's stream gets. Status 200
        for an accepted SUBSCRIBE: its events go to `new_stream` from now on until `scheduler_disconnected(new_stream)`.
        """
        try:
            message = convert("Call", call)
        except BadMessage as error:
            return Answer(status=400, text=f"Failed to convert JSON into Call protobuf: {error}")
        problem = _call_problem(message)
        if problem is not None:
            return Answer(status=400, text=f"Failed to validate scheduler::Call: {problem}")
        if message["type"] == "SUBSCRIBE":
            claimed = message["subscribe"]["framework_info"].get("principal")
            if principal is not None and claimed is not None and claimed != principal:
                return Answer(status=400, text=f"Failed to validate scheduler::Call: {_mismatch(principal, claimed)}")
            if stream is not None:
                return Answer(status=400, text="Subscribe calls should not include the 'Mesos-Stream-Id' header")
            frameworks.subscribe(self.state, new_stream, message, now, principal)
            return Answer(status=200, outputs=self._take(now))
        framework_id = message["framework_id"]["value"]
        framework = self.state.frameworks.get(framework_id)
        if framework is None:
            return Answer(status=400, text="Framework cannot be found")
        claimed = framework.info.get("principal")
        if principal is not None and claimed is not None and claimed != principal:
            return Answer(status=400, text=_mismatch(principal, claimed))
        if framework.stream is None:
            return Answer(status=403, text="Framework is not subscribed")
        if stream is None:
            return Answer(status=400, text="All non-subscribe calls should include the 'Mesos-Stream-Id' header")
        if stream != framework.stream:
            return Answer(
                status=400,
                text=f"The stream ID '{stream}' included in this request didn't match the stream ID currently"
                f" associated "
                f"with framework ID {framework_id}",
            )
        self.state.count(f"calls/{message['type'].lower()}")
        framework.count(f"calls/{message['type'].lower()}")
        if message["type"] == "UPDATE_FRAMEWORK":
            info = message["update_framework"]["framework_info"]
            forbidden = register_problem(self.state.config.acls, info, roles_of(info), principal)
            if forbidden is not None:
                return Answer(status=403, text=forbidden)
        refusal = self._dispatch(framework, message, now)
        if refusal is not None:
            return Answer(status=400, text=refusal, outputs=self._take(now))
        return Answer(status=200 if message["type"] == "UPDATE_FRAMEWORK" else 202, outputs=self._take(now))

    def _dispatch(self, framework: Framework, call: Json, now: float) -> str | None:
        state = self.state
        match call["type"]:
            case "ACCEPT":
                accept.accept(state, framework, call, now)
            case "DECLINE":
                accept.decline(state, framework, call, now)
            case "REVIVE":
                frameworks.revive_call(state, framework, call, now)
            case "SUPPRESS":
                frameworks.suppress(framework, call)
            case "KILL":
                tasks.kill(state, framework, call, now)
            case "SHUTDOWN":
                tasks.shutdown_executor(state, framework, call)
            case "ACKNOWLEDGE":
                tasks.acknowledge(state, framework, call)
            case "ACKNOWLEDGE_OPERATION_STATUS":
                feedback.acknowledge(state, framework, call)
            case "RECONCILE":
                tasks.reconcile(state, framework, call, now)
            case "RECONCILE_OPERATIONS":
                feedback.reconcile(state, framework, call)
            case "MESSAGE":
                tasks.message_executor(state, framework, call)
            case "TEARDOWN":
                frameworks.remove(state, framework, now)
            case "UPDATE_FRAMEWORK":
                return frameworks.update(state, framework, call, now)
            case "ACCEPT_INVERSE_OFFERS" | "DECLINE_INVERSE_OFFERS":
                maintenance.answered(state, framework, call, now)
            case _:
                # The allocator of Mesos ignores REQUEST, too.
                pass
        return None

    def scheduler_disconnected(self, stream: str, *, now: float) -> tuple[Output, ...]:
        """The connection of a scheduler's stream ended. Harmless for a stream that no framework uses any more."""
        frameworks.disconnected(self.state, stream, now)
        return self._take(now)

    # --- agents ---------------------------------------------------------------------------------------------------

    def agent_message(self, connection: str, message: Json, *, now: float) -> tuple[Output, ...]:
        """One message of the agent behind `connection`; the first on a connection is REGISTER or REREGISTER."""
        state = self.state
        match message["type"]:
            case "REGISTER":
                registration.register(state, connection, message, now)
                return self._take(now)
            case "REREGISTER":
                registration.reregister(state, connection, message, now)
                return self._take(now)
        agent = connections.by_connection(state, connection)
        if agent is None:
            state.count("dropped_messages")
            return ()
        match message["type"]:
            case "PONG":
                pings.pong(agent, now)
            case "UPDATE":
                tasks.on_update(state, agent, message, now)
            case "MESSAGE":
                tasks.on_message(state, agent, message)
            case "EXITED_EXECUTOR":
                tasks.on_exited_executor(state, agent, message, now)
            case "OPERATION_STATUS":
                accounts.correct(state, agent, message, now)
                feedback.on_status(state, agent, message)
            case "UNREGISTER":
                removal.unregister(state, agent, now)
            case kind:
                raise ValueError(f"an agent sent a message of the unknown type {kind!r}")
        return self._take(now)

    def agent_disconnected(self, connection: str, *, now: float) -> tuple[Output, ...]:
        """The connection of an agent ended. Harmless for a connection that was replaced by a newer one."""
        connections.disconnected(self.state, connection, now)
        return self._take(now)

    # --- operators ------------------------------------------------------------------------------------------------

    def operator_subscribe(self, stream: str, *, now: float) -> tuple[Output, ...]:
        """SUBSCRIBE of the operator API: a snapshot, then every change, until `operator_disconnected`.

        One subscriber too many ends the stream of the first, as in Mesos.
        """
        excess = len(self.state.operators) + 1 - self.state.config.max_operators
        oldest = list(self.state.operators)[: max(0, excess)]
        for name in oldest:
            del self.state.operators[name]
        interval = self.state.config.heartbeat_interval
        content = {"get_state": views.get_state(self.state), "heartbeat_interval_seconds": interval}
        self.state.operators[stream] = now + interval
        return (
            *(CloseOperator(stream=name) for name in oldest),
            ToOperator(stream=stream, event={"type": "SUBSCRIBED", "subscribed": content}),
            ToOperator(stream=stream, event=frameworks.HEARTBEAT),
        )

    def operator_disconnected(self, stream: str) -> None:
        """The connection of an operator stream ended."""
        self.state.operators.pop(stream, None)

    def operator_call(
        self,
        call: Any,
        *,
        now: float,
        principal: str | None = None,
        figures: Callable[[], Mapping[str, float]] | None = None,
    ) -> Answer:
        """One POST to /api/v1 other than SUBSCRIBE; GET_METRICS shows `figures`, if there are any."""
        parsed = operator.parse(call)
        if isinstance(parsed, Answer):
            return parsed
        return self._with_outputs(operator.answer(self.state, parsed, now, principal, figures), now)

    def teardown(self, framework_id: str, *, now: float, principal: str | None = None) -> Answer:
        """An operator tears a framework down."""
        return self._with_outputs(operator.teardown(self.state, framework_id, now, principal), now)

    def change_resources(self, kind: str, agent_id: str, resources: Any, now: float, principal: str | None) -> Answer:
        """One POST to /reserve and its kin: the call of the operator API, on resources not checked yet."""
        try:
            checked = convert("OperatorVolumes", {"agent_id": {"value": agent_id}, "volumes": resources})
        except BadMessage as error:
            items = operator.CHANGES[kind][2]
            return Answer(status=400, text=f"Error in parsing '{items}' query parameter in the request body: {error}")
        found = operator.change_resources(self.state, kind, agent_id, checked.get("volumes", []), now, principal)
        return self._with_outputs(found, now)

    def _with_outputs(self, answer: Answer, now: float) -> Answer:
        return replace(answer, outputs=self._take(now))

    # --- time -----------------------------------------------------------------------------------------------------

    def tick(self, *, now: float) -> tuple[Output, ...]:
        """What is due by now: heartbeats, pings, timeouts, an allocation cycle."""
        state = self.state
        pings.tick(state, now)
        frameworks.tick(state, now)
        for stream, due in state.operators.items():
            if now >= due:
                state.out.append(ToOperator(stream=stream, event=frameworks.HEARTBEAT))
                state.operators[stream] = now + state.config.heartbeat_interval
        if state.allocation_at is not None and now >= state.allocation_at:
            allocation.allocate(state, now)
        return self._take(now)

    def next_tick(self) -> float | None:
        """The time of the next thing that is due, None when nothing is."""
        state = self.state
        due = [item.heartbeat_at for item in state.frameworks.values() if item.stream is not None]
        due += [item.remove_at for item in state.frameworks.values() if item.remove_at is not None]
        due += state.operators.values()
        due += [time for time in (state.ping_at, state.allocation_at, state.recover_until) if time is not None]
        return min(due, default=None)


def _mismatch(principal: str, claimed: str) -> str:
    return f"Authenticated principal '{principal}' does not match principal '{claimed}' set in `FrameworkInfo`"


def _call_problem(call: Json) -> str | None:
    """What Mesos finds wrong with a well-formed call before it looks for the framework."""
    kind = call.get("type")
    # The real master aborts on the type UNKNOWN; here it is as good as none.
    if kind not in _TYPES:
        return "Expecting 'type' to be present"
    if kind != "SUBSCRIBE" and not call.get("framework_id", {}).get("value"):
        return "Expecting 'framework_id' to be present"
    wanted = _CONTENT.get(kind)
    if wanted is not None and wanted not in call:
        return f"Expecting '{wanted}' to be present"
    if kind in ("SUBSCRIBE", "UPDATE_FRAMEWORK"):
        content = call[kind.lower()]
        named = content["framework_info"].get("id", {}).get("value", "")
        if named != call.get("framework_id", {}).get("value", ""):
            return f"'framework_id' differs from '{kind.lower()}.framework_info.id'"
    if kind in ("ACKNOWLEDGE", "ACKNOWLEDGE_OPERATION_STATUS"):
        assert wanted is not None
        if len(base64.b64decode(call[wanted]["uuid"])) != 16:
            return "Not a valid UUID"
    return None
