"""Reading JSON without trust: every value may be missing, of another type than documented, or too long.

Gives an empty value instead of failing, because one odd field must not hide a task, nor one odd task all others.
"""

from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]


def mapping(value: object) -> Mapping[str, object]:
    """`value` when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """`value` when it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object, most: int = 0) -> str:
    """`value` when it is a string of at most `most` characters (0: any length), else the empty one.

    What UTF-8 cannot write, JSON can, and readers get UTF-8.
    """
    if not isinstance(value, str) or (most and len(value) > most):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def number(value: object) -> float:
    """`value` when it is a number that a double can hold, else 0."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    try:
        return float(value)
    except OverflowError:  # JSON knows integers of any length
        return 0.0


def port_number(value: object) -> int:
    """`value` when it is a port, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536 else 0


def id_of(value: object) -> str:
    """The text of a Mesos id, `{"value": "..."}`."""
    return text(value.get("value")) if isinstance(value, dict) else ""


def port_ranges(resources: object) -> tuple[tuple[int, int], ...]:
    """The ranges of all `ports` resources in a list of resources, first and last port, as they stand there."""
    found = []
    for resource in items(resources):
        entry = mapping(resource)
        if entry.get("name") == "ports":
            for raw in items(mapping(entry.get("ranges")).get("range")):
                begin, end = port_number(mapping(raw).get("begin")), port_number(mapping(raw).get("end"))
                if begin and begin <= end:
                    found.append((begin, end))
    return tuple(found)
