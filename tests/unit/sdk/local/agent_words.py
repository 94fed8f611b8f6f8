"""Messages of an agent as they should be, and ways to break them at one place."""

import json
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
_STATUS = {"task_id": {"value": "t"}, "state": "TASK_RUNNING", "uuid": "AAAAAAAAAAAAAAAAAAAAAA=="}
_RESOURCES = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2.0}},
              {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 9}]}}]  # fmt: skip
INFO = {"hostname": "a", "port": 5051, "ip": "127.0.0.1", "resources": _RESOURCES, "id": {"value": "M-S0"},
         "attributes": [{"name": "rack", "type": "TEXT", "text": {"value": "r1"}}]}  # fmt: skip
_TASK = {"name": "t", "task_id": {"value": "t"}, "framework_id": {"value": "M-0000"}, "state": "TASK_RUNNING",
         "resources": _RESOURCES[:1], "statuses": [_STATUS]}  # fmt: skip
_FRAMEWORK = {"id": {"value": "M-0000"}, "user": "root", "name": "f", "roles": ["r"]}
GOOD: list[Json] = [
    {"type": "REREGISTER", "agent_info": INFO, "resources": _RESOURCES, "frameworks": [_FRAMEWORK], "tasks": [_TASK],
     "executors": [{"framework_id": {"value": "M-0000"}, "executor_info": {"executor_id": {"value": "e"}}}],
     "operations": [{"operation_uuid": "u"}]},
    {"type": "UPDATE", "framework_id": {"value": "M-0000"}, "status": _STATUS, "latest_state": "TASK_RUNNING"},
    {"type": "MESSAGE", "framework_id": {"value": "M-0000"}, "executor_id": {"value": "e"}, "data": "aGk="},
    {"type": "EXITED_EXECUTOR", "framework_id": {"value": "M-0000"}, "executor_id": {"value": "e"}, "status": 9},
    {"type": "OPERATION_STATUS", "framework_id": {"value": "M-0000"}, "operation_uuid": "u",
     "status": {"state": "OPERATION_FINISHED", "operation_id": {"value": "o"}, "uuid": {"value": "dQ=="}}},
    {"type": "OPERATION_STATUS", "framework_id": {"value": "M-0000"}, "operation_uuid": "u",
     "status": {"state": "OPERATION_FAILED"}, "resources": _RESOURCES},
    {"type": "PONG"},
    {"type": "UNREGISTER"},
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all parts of a message."""
    found = [path] if path else []
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        found += places(part, (*path, name))
    return found


def changed(message: Json, path: tuple[Any, ...], value: Any) -> Json:
    """A copy with another value at one place."""
    result: Json = json.loads(json.dumps(message))
    part: Any = result
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    return result
