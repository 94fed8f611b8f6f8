"""Where in a spec something is, as it is told to people: `pods.app.tasks.server.cpus`."""

import re

from sdk.door.problems import shown

_STEP = re.compile(r"[A-Za-z0-9._/-]{1,128}")


def below(path: str, key: object) -> str:
    """The place of field or key `key` below `path`, which is empty at the top."""
    if not isinstance(key, str) or not _STEP.fullmatch(key):
        return f"{path}[{shown(key)}]"
    return f"{path}.{key}" if path else key


def element(path: str, index: int, item: object) -> str:
    """The place of an element of a tuple: by its name where it has one that can stand in a path."""
    name = getattr(item, "name", None)
    return f"{path}.{name}" if isinstance(name, str) and _STEP.fullmatch(name) else f"{path}[{index}]"
