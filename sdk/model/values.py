"""Changed copies of frozen values: `dataclasses.replace` for dataclasses with slots, several times faster.

That one reads each field by name, collects them and goes through `__init__`, which sets each again by name: for the
records of instances most of what an update of a task costs. Here slots are copied straight, by a function that is made
once for each class. Nothing of `__init__` runs, so a class that checks or computes something there is refused.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import replace as replace  # type checkers know what it takes
else:

    def replace(value, /, **changes):
        """The same value with other fields; `value` is of a dataclass that is frozen and has slots."""
        return _copier(type(value))(value, changes)


T = TypeVar("T")


@cache
def _copier(kind: type[T]) -> Callable[[T, dict[str, Any]], T]:
    names = tuple(each.name for each in fields(kind))  # type: ignore[arg-type] # raises TypeError for anything else
    if hasattr(kind, "__post_init__") or any(not hasattr(vars(kind).get(name), "__set__") for name in names):
        raise TypeError(f"{kind.__name__} is no dataclass with slots that are all there is to it")
    known: dict[str, Any] = {f"set_{name}": vars(kind)[name].__set__ for name in names}
    source = "\n".join(
        (
            "def copy(value, changes):",
            "    made = new(kind)",
            *(f"    set_{name}(made, value.{name})" for name in names),
            "    for name, change in changes.items():",
            "        setters[name](made, change)",
            "    return made",
        )
    )
    setters = {name: known[f"set_{name}"] for name in names}
    known |= {"new": object.__new__, "kind": kind, "setters": _Setters(setters, kind)}
    exec(source, known)  # noqa: S102 - made of the class's own field names, as dataclasses does itself
    copy: Callable[[T, dict[str, Any]], T] = known["copy"]
    return copy


class _Setters(dict[str, Any]):
    """By field; anything else is a mistake of the caller, as it is for `dataclasses.replace`."""

    def __init__(self, setters: dict[str, Any], kind: type) -> None:
        super().__init__(setters)
        self._kind = kind

    def __missing__(self, name: str) -> Any:
        raise TypeError(f"{self._kind.__name__} has no field {name!r}")
