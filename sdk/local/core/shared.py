"""One object for JSON values that are the same: tasks of an application differ in little, and there are many of them.

Only for values that nobody changes. Remembers a bounded number; what is forgotten is merely not shared any more.
"""

from typing import Any

from sdk.local.core.wire import Json

_REMEMBERED = 20_000
_values: dict[str, Any] = {}
# The parts of a TaskInfo that many tasks have in common.
_PARTS = ("agent_id", "labels", "container", "health_check", "check", "kill_policy", "executor")


def shared(value: Any) -> Any:
    """The value, or an equal one that is known already."""
    # Unlike ==, this tells 1 from 1.0 and from True, which are printed differently.
    name = repr(value)
    found = _values.get(name)
    if found is None:
        if len(_values) >= _REMEMBERED:
            _values.clear()
        found = _values[name] = value
    return found


def shared_task(task: Json) -> Json:
    """A TaskInfo whose common parts are shared."""
    result = {name: shared(part) if name in _PARTS else part for name, part in task.items()}
    if "resources" in result:
        result["resources"] = [shared(item) for item in result["resources"]]
    return result
