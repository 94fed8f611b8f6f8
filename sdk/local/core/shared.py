"""One object for JSON values that are the same: tasks of an application differ in little, and there are many of them.

Only for values that nobody changes. Remembers a bounded number; what is forgotten is merely not shared any more.
"""

from typing import Any

from sdk.local.core.wire import Json

_REMEMBERED = 20_000
# Values come off the network: neither one nor all of them take more than so many characters here.
_LONGEST, _MOST = 100_000, 20_000_000
# The parts of a TaskInfo that many tasks have in common.
_PARTS = ("agent_id", "labels", "container", "health_check", "check", "kill_policy", "executor")


class Shared:
    """Values by how they are written."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self.size = 0
        """Characters in all that is remembered."""

    def get(self, value: Any) -> Any:
        """The value, or an equal one that is known already."""
        # Unlike ==, this tells 1 from 1.0 and from True, which are printed differently.
        name = repr(value)
        if name in self._values:
            return self._values[name]
        if len(name) > _LONGEST:
            return value
        if len(self._values) >= _REMEMBERED or self.size + len(name) > _MOST:
            self._values.clear()
            self.size = 0
        self._values[name] = value
        self.size += len(name)
        return value


_shared = Shared()


def shared(value: Any) -> Any:
    """The value, or an equal one that is known already in this process."""
    return _shared.get(value)


def shared_task(task: Json) -> Json:
    """A TaskInfo whose common parts are shared."""
    result = {name: shared(part) if name in _PARTS else part for name, part in task.items()}
    if "resources" in result:
        result["resources"] = shared([shared(item) for item in result["resources"]])
    if "discovery" in result:
        result["discovery"] = _shared_discovery(result["discovery"])
    return result


def _shared_discovery(discovery: Json) -> Json:
    """Ports have numbers of their own, and labels in common."""
    ports = discovery.get("ports", {}).get("ports", [])
    if not any("labels" in port for port in ports):
        return discovery
    named = [port | {"labels": shared(port["labels"])} if "labels" in port else port for port in ports]
    return discovery | {"ports": {"ports": named}}
