"""Bodies that nobody should send: the master answers each, and the stream of another framework lives on."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk.local.core import Master, MasterConfig, classic
from sdk.local.core.endpoints import PATHS, Endpoints
from sdk.local.core.http import Request
from sdk.local.core.leadership import Leadership
from sdk.local.core.wire import MESSAGES
from tests.unit.sdk.local.model import World, framework_info

Json = dict[str, Any]
KINDS = ["SUBSCRIBE", "TEARDOWN", "ACCEPT", "DECLINE", "REVIVE", "SUPPRESS", "KILL", "SHUTDOWN", "ACKNOWLEDGE",
         "ACKNOWLEDGE_OPERATION_STATUS", "RECONCILE", "RECONCILE_OPERATIONS", "MESSAGE", "REQUEST", "UPDATE_FRAMEWORK",
         "ACCEPT_INVERSE_OFFERS", "DECLINE_INVERSE_OFFERS", "UNKNOWN"]  # fmt: skip
OPERATOR_KINDS = ["GET_METRICS", "UPDATE_WEIGHTS", "UPDATE_QUOTA", "RESERVE_RESOURCES", "UNRESERVE_RESOURCES",
                  "CREATE_VOLUMES", "DESTROY_VOLUMES", "TEARDOWN", "MARK_AGENT_GONE", "DRAIN_AGENT",
                  "DEACTIVATE_AGENT", "REACTIVATE_AGENT", "GET_STATE", "GET_ROLES", "GROW_VOLUME", "SHRINK_VOLUME",
                  "SET_QUOTA", "REMOVE_QUOTA", "UPDATE_MAINTENANCE_SCHEDULE", "START_MAINTENANCE", "STOP_MAINTENANCE",
                  "GET_QUOTA", "GET_MAINTENANCE_STATUS"]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
    st.sampled_from(["SCALAR", "RANGES", "SET", "DYNAMIC", "STATIC", "LAUNCH", "LAUNCH_GROUP", "RESERVE", "CREATE",
                     "DESTROY", "cpus", "ports", "M-0000", "M-S0", "M-O0", "r", "DEFAULT", "CUSTOM", "HTTP"]),
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(["M-0000", "M-S0", "M-O0", "cpus", "ports", "mem", "r", "t", "x"]),
    "enum": st.sampled_from(["SCALAR", "RANGES", "SET", "DYNAMIC", "STATIC", "LAUNCH", "LAUNCH_GROUP", "RESERVE",
                             "GROW_VOLUME", "SHRINK_VOLUME", "HOSTNAME", "UNRESERVE", "CREATE", "DESTROY", "DEFAULT",
                             "CUSTOM", "COMMAND", "HTTP", "TCP", "RW"]),
    "double": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 5),
    "int": st.integers(-3, 10**12),
    "uint": st.integers(0, 2**64),
    "bool": st.booleans(),
    "scalars": st.dictionaries(st.sampled_from(["cpus", "mem", "x"]), st.builds(dict, value=st.floats()) | SCALARS),
    "offer_filters": st.dictionaries(
        st.sampled_from(["r", "x"]),
        st.fixed_dictionaries({"min_allocatable_resources": st.just({"quantities": [{"quantities": {}}]}) | SCALARS})
        | SCALARS,
    ),
    "role_constraints": st.dictionaries(
        st.sampled_from(["r", "x"]),
        st.fixed_dictionaries({"groups": st.lists(st.fixed_dictionaries({"attribute_constraints": st.lists(
            st.fixed_dictionaries({"selector": st.just({"attribute_name": "r"}) | SCALARS, "predicate": st.builds(
                dict, text_matches=st.builds(dict, regex=st.text(max_size=9) | st.sampled_from(["(a*)*b", "\ud800"]))
            )}), max_size=2)}), max_size=2)}) | SCALARS,
    ),
    "bytes": st.sampled_from(["", "AAAAAAAAAAAAAAAAAAAAAA==", "x"]),
}  # fmt: skip


@st.composite
def message(draw: st.DrawFn, name: str, depth: int = 0) -> Json:
    """A message with mostly the right fields, mostly of the right types."""
    result: Json = {}
    for field in MESSAGES[name]:
        wanted = draw(st.integers(0, 9)) < (9 if field.required else 4)
        if not wanted:
            continue
        if draw(st.integers(0, 29)) == 0 or field.kind == "any" or depth > 7:
            result[field.name] = draw(ANYTHING)
            continue
        one = USUAL[field.kind] if field.kind in USUAL else message(field.kind, depth + 1)
        result[field.name] = draw(st.lists(one, max_size=2)) if field.repeated else draw(one)
    return result


def world_with_a_bystander() -> World:
    """A framework with a task's worth of offers, and another one that only listens."""
    world = World()
    world.subscribe("s", "r")
    world.agent("a1", "cpus(r):2;mem(r):512;cpus:2;mem:512;disk:100;ports:[1-9]")
    world.subscribe("b", "other")
    return world


def alive(world: World) -> None:
    """The bystander is told of time passing, and its calls are answered."""
    world.now = max(world.now, 0.0)
    before = len(world.events["b"])
    world.at(world.now + 16.0)
    assert any(event["type"] == "HEARTBEAT" for event in world.events["b"][before:])
    assert world.call("b", "REVIVE", framework_id="M-0001").status == 202
    assert "b" not in world.closed


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_scheduler_calls(kind: str, data: st.DataObject) -> None:
    """Every call gets 200, 202, 400 or 403 and leaves the others alone."""
    world = world_with_a_bystander()
    names = {field.name: field.kind for field in MESSAGES["Call"]}
    call: Json = {"type": kind, "framework_id": {"value": "M-0000"}}
    content = names.get(kind.lower())
    if content is not None:
        call[kind.lower()] = data.draw(message(content))
    if kind in ("SUBSCRIBE", "UPDATE_FRAMEWORK"):
        broken = {data.draw(st.sampled_from([field.name for field in MESSAGES["FrameworkInfo"]])): data.draw(ANYTHING)}
        call[kind.lower()] |= {"framework_info": framework_info("r", id={"value": "M-0000"}) | broken}
    answer = world.master.call(call, stream=None if kind == "SUBSCRIBE" else "s", now=0.0, new_stream="n")
    assert answer.status in (200, 202, 400, 403)
    world.take(answer.outputs)
    alive(world)


def test_launches_of_everything() -> None:
    """A LAUNCH whose task has anything in one of its fields is launched or refused, never more."""
    names = [field.name for field in MESSAGES["Task"] if field.name not in ("task_id", "agent_id", "name")]

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(name=st.sampled_from(names), data=st.data())
    def launches(name: str, data: st.DataObject) -> None:
        world = world_with_a_bystander()
        offer = world.offers("s")[0]
        kind = next(field for field in MESSAGES["Task"] if field.name == name)
        one = ANYTHING if kind.kind == "any" or kind.kind in USUAL else message(kind.kind, 2)
        value = data.draw(st.lists(one, max_size=2) if kind.repeated else one)
        good = {"task_id": {"value": "t"}, "name": "t", "agent_id": offer["agent_id"], "command": {"value": "true"}}
        task = {**good, "resources": [amount for amount in offer["resources"] if amount["name"] == "cpus"], name: value}
        answer = world.accept("s", offer, {"type": "LAUNCH", "launch": {"task_infos": [task]}})
        assert answer.status in (202, 400)
        for view in ("GET_STATE", "GET_TASKS", "GET_METRICS"):
            assert world.master.operator_call({"type": view, "get_metrics": {}}, now=0.0).status == 200
        assert classic.full_state(world.master.state)["frameworks"]
        alive(world)

    launches()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["GROW_VOLUME", "SHRINK_VOLUME"]),
    part=st.sampled_from(["volume", "addition", "subtract"]),
    name=st.sampled_from([field.name for field in MESSAGES["Resource"]] + ["value"]),
    junk=ANYTHING | message("Disk", 3) | message("Reservation", 3),
)
def test_volumes_of_everything(kind: str, part: str, name: str, junk: Any) -> None:
    """A volume is resized or it is not, whatever stands in one of its fields."""
    world = world_with_a_bystander()
    offer = world.offers("s")[0]
    own = {"name": "disk", "type": "SCALAR", "reservations": [{"type": "STATIC", "role": "r"}]}
    disk = {"persistence": {"id": "v"}, "volume": {"mode": "RW", "container_path": "d"}}
    content: Json = {
        "volume": own | {"scalar": {"value": 4.0}, "disk": disk},
        "addition": own | {"scalar": {"value": 1.0}},
        "subtract": {"value": 1.0},
    }
    content[part] = content[part] | {name: junk}
    operation = {"type": kind, "id": {"value": "o"}, kind.lower(): content}
    assert world.accept("s", offer, operation).status in (202, 400)
    assert world.operator(kind, {"agent_id": {"value": "M-S0"}} | content).status in (202, 400, 409)
    alive(world)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(kind=st.sampled_from(OPERATOR_KINDS), data=st.data())
def test_operator_calls(kind: str, data: st.DataObject) -> None:
    """Every call is answered; what it may destroy is only what it names."""
    world = world_with_a_bystander()
    names = {field.name: field.kind for field in MESSAGES["OperatorCall"]}
    call: Json = {"type": kind}
    content = names.get(kind.lower())
    if content is not None and content != "any":
        call[kind.lower()] = data.draw(message(content))
    answer = world.master.operator_call(call, now=0.0)
    assert answer.status in (200, 202, 400, 404, 409, 501)
    world.take(answer.outputs)
    for view in ("GET_STATE", "GET_ROLES", "GET_OPERATIONS", "GET_METRICS", "GET_QUOTA"):
        extra: Json = {"get_metrics": {}} if view == "GET_METRICS" else {}
        assert world.master.operator_call({"type": view} | extra, now=0.0).status == 200
    alive(world)


@settings(max_examples=200, deadline=None)
@given(
    path=st.sampled_from(sorted(PATHS)),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    body=st.one_of(st.binary(max_size=40), ANYTHING.map(lambda value: json.dumps(value).encode())),
    headers=st.dictionaries(
        st.sampled_from(["content-type", "accept", "mesos-stream-id", "authorization", "accept-encoding"]),
        st.sampled_from(["application/json", "application/x-protobuf", "text/html", "*/*", "gzip", "Basic !!", ""]),
    ),
    query=st.lists(st.tuples(st.sampled_from(["limit", "offset", "jsonp", "order", "timeout"]), st.text(max_size=5))),
)  # fmt: skip
def test_requests(path: str, method: str, body: bytes, headers: dict[str, str], query: list[tuple[str, str]]) -> None:
    """Every request to every endpoint has an answer, with and without credentials."""
    master = Master(MasterConfig(master_id="M"), now=0.0)
    machine = {"cpus_total": 1, "avg_load_1min": 0.0, "avg_load_5min": 0.0, "avg_load_15min": 0.0,
               "mem_free_bytes": 1, "mem_total_bytes": 1}  # fmt: skip
    for credentials in (None, {"a": "b"}):
        endpoints = Endpoints(
            master,
            leadership=lambda: Leadership(leader="127.0.0.1:5050", mine=True),
            credentials=credentials,
            machine=lambda: machine,
        )
        request = Request(method=method, path=path, query=tuple(query), headers=headers, body=body)
        reply = endpoints.handle(request, now=0.0, new_stream="n")
        assert reply.status in (200, 202, 307, 400, 401, 404, 405, 406, 415, 501)
