"""Stored JSON: what is written is read again, unknown fields pass, wrong ones are named."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdk.codecs import decode, encode
from sdk.errors import CorruptRecord
from sdk.model.ids import AgentId, ConfigId, TaskId
from sdk.model.records import FrameworkRecord, PodRecord, TaskRecord
from sdk.model.spec import CommandSpec, ExecutorSpec, PodSpec, PortSpec, ServiceSpec, TaskSpec, UriSpec
from sdk.model.status import TaskState, TaskStatus

# Mapping[str, object] is JSON; hypothesis would otherwise make arbitrary objects.
_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(float, _FLOATS)
st.register_type_strategy(object, _JSON)


def _pod() -> PodRecord:
    status = TaskStatus(task_id=TaskId("t"), state=TaskState.RUNNING, addresses=("10.0.0.1",), healthy=True)
    task = TaskRecord(
        name="server",
        task_id=TaskId("t"),
        agent_id=AgentId("a"),
        hostname="h",
        config=ConfigId("c"),
        status=status,
        launched_at=1.0,
        changed_at=2.5,
        ports={"http": 80},
    )
    return PodRecord(service="web", pod="p", index=3, tasks=(task,))


def _service() -> ServiceSpec:
    command = CommandSpec(value="./run", environment={"A": "ü"}, uris=(UriSpec(value="http://x/y"),))
    task = TaskSpec(
        name="server",
        cpus=1000,
        mem=32_000,
        ports=(PortSpec(name="http", ranges=((1, 2), (5, 9))),),
        executor=ExecutorSpec(command=command),
        data={"deep": [1, {"x": None}]},
        labels=(("A", "b"),),
    )
    return ServiceSpec(
        name="web", pods=(PodSpec(name="p", count=2, tasks=(task,), constraints=(("hostname", "UNIQUE"),)),)
    )


@settings(max_examples=50, deadline=None)
@given(st.builds(PodRecord))
def test_every_pod_record_survives(record: PodRecord) -> None:
    """Decoding the bytes of any record gives an equal record."""
    assert decode(PodRecord, encode(record), "r") == record


@settings(max_examples=50, deadline=None)
@given(st.builds(FrameworkRecord))
def test_every_framework_record_survives(record: FrameworkRecord) -> None:
    """The same for the framework's identity."""
    assert decode(FrameworkRecord, encode(record), "r") == record


_TASKS = st.builds(TaskSpec, data=st.none() | st.dictionaries(st.text(), _JSON, max_size=2))
_PODS = st.builds(PodSpec, tasks=st.lists(_TASKS, max_size=1).map(tuple))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(st.builds(ServiceSpec, pods=st.lists(_PODS, max_size=1).map(tuple)))
def test_every_service_spec_survives(spec: ServiceSpec) -> None:
    """The same for a whole wish."""
    assert decode(ServiceSpec, encode(spec), "r") == spec


def test_equal_values_have_equal_bytes() -> None:
    """Keys are sorted whatever the order they were put in."""
    one = FrameworkRecord(name="x", roles=("a",))
    assert encode(one) == encode(FrameworkRecord(roles=("a",), name="x"))
    assert json.loads(encode(one)) == {
        "budget": {"replacements": None, "unavailable": None},
        "checkpoint": None,
        "earlier": [],
        "framework_id": None,
        "name": "x",
        "roles": ["a"],
        "uninstalling": False,
        "user": None,
    }


def test_fields_of_a_newer_program_are_ignored_and_missing_ones_get_defaults() -> None:
    """A record of another version is read as far as it is known."""
    pod = json.loads(encode(_pod()))
    pod["invented_later"] = {"x": 1}
    pod["tasks"][0]["status"]["another"] = 1
    del pod["superseded"]
    del pod["tasks"][0]["confirmed"]
    assert decode(PodRecord, json.dumps(pod).encode(), "r") == _pod()


@pytest.mark.parametrize(
    ("keys", "value", "path"),
    [
        (["index"], "3", "r.index"),
        (["index"], True, "r.index"),
        (["tasks"], {}, "r.tasks"),
        (["tasks", 0, "ports", "http"], None, "r.tasks[0].ports.http"),
        (["tasks", 0, "status", "state"], "TASK_DANCING", "r.tasks[0].status.state"),
        (["tasks", 0, "status", "healthy"], 1, "r.tasks[0].status.healthy"),
        (["tasks", 0, "launched_at"], "now", "r.tasks[0].launched_at"),
        (["not_before"], 10**400, "r.not_before"),
        (["tasks", 0], None, "r.tasks[0]"),
        (["goal"], "dance", "r.goal"),
    ],
)
def test_a_wrong_field_is_named(keys: list[Any], value: object, path: str) -> None:
    """A CorruptRecord carries the path of the field."""
    record = json.loads(encode(_pod()))
    place = record
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(CorruptRecord) as caught:
        decode(PodRecord, json.dumps(record).encode(), "r")
    assert caught.value.path == path


def test_a_missing_field_without_default_is_named() -> None:
    """What was always written must be there."""
    record = json.loads(encode(_service()))
    del record["pods"][0]["tasks"][0]["cpus"]
    with pytest.raises(CorruptRecord) as caught:
        decode(ServiceSpec, json.dumps(record).encode(), "r")
    assert caught.value.path == "r.pods[0].tasks[0].cpus"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[]", b'"x"', b'{"name": NaN}', b"[" * 100_000])
def test_bytes_that_are_no_record_are_refused(data: bytes) -> None:
    """Garbage is a CorruptRecord, never another exception."""
    with pytest.raises(CorruptRecord):
        decode(FrameworkRecord, data, "r")


@settings(max_examples=200, deadline=None)
@given(_JSON)
def test_any_json_is_a_record_or_a_corrupt_one(value: object) -> None:
    """Reading never fails in another way."""
    with contextlib.suppress(CorruptRecord):
        assert isinstance(decode(PodRecord, json.dumps(value).encode(), "r"), PodRecord)


def test_rules_that_are_nested_too_deeply_are_a_corrupt_record() -> None:
    """JSON that can be read, and whose value could not be built."""
    deep = '{"kind":"not","rule":' * 600 + '{"kind":"has","field":"rack"}' + "}" * 600
    data = f'{{"name":"web","pods":[{{"name":"p","count":1,"tasks":[],"placement":[{deep}]}}]}}'
    with pytest.raises(CorruptRecord, match="nested too deeply"):
        decode(ServiceSpec, data.encode(), "r")
