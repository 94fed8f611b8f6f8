"""What tasks may ask for and this agent cannot give: it is refused, because a task without it would be another task.

Loaded by the command executor in every task, so it imports nothing at run time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def refusal(command: dict[str, Any], container: dict[str, Any]) -> str | None:
    """A sentence about the first thing that is not possible, None when all is."""
    for index, item in enumerate(command.get("environment", {}).get("variables", ())):
        if item.get("type") == "SECRET" or item.get("secret") is not None:
            return (
                f"command.environment.variables[{index}]: '{item.get('name')}' is a secret, and agents of the "
                "embedded Mesos have no secret resolver: give the variable a plain value"
            )
    mesos = container.get("mesos")
    if isinstance(mesos, dict) and mesos.get("image") is not None:
        return "container.mesos.image: agents of the embedded Mesos have no images; tasks see the files of the machine"
    for index, volume in enumerate(container.get("volumes") or ()):
        if volume.get("image") is not None:
            return f"container.volumes[{index}].image: agents of the embedded Mesos have no images"
    return None
