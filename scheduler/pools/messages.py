"""marshmallow's tree of messages as problems, each with its path, its keys and the refused value. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from scheduler.pools.problems import MAX_REPORTED, Problem, shown

# marshmallow's own sentences that name neither the rule nor what to do.
_RULES = {
    "Missing data for required field.": "is required",
    "Invalid input type.": "must be an object",
    "Invalid type.": "must be an object",
}
# Its values may be keys.
_UNTOLD = ("environmentVariables",)

#: What is not shown, also where something else than the secret stands there.
_SECRET = frozenset({("passwordHash",)})


def problems_of(messages: Any, data: object) -> Iterator[Problem]:
    """marshmallow's tree of messages as problems with the refused values from `data`, one after the other."""
    for number, (keys, rule, value) in enumerate(_leaves(messages, data, ())):
        path = "pool" + "".join(f"[{key}]" if isinstance(key, int) else f".{shown(key)}" for key in keys)
        # Those after the first ones are counted and never read.
        text = str(rule) if number < MAX_REPORTED else ""
        hidden = keys[:1] == _UNTOLD or keys[-1:] in _SECRET
        yield Problem(path=path, rule=_RULES.get(text, text), value=None if hidden else shown(value), keys=keys)


def _leaves(
    messages: Any, data: object, keys: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], object, object]]:
    if isinstance(messages, list):
        yield from ((keys, rule, data) for rule in messages)
        return
    for key, inner in sorted(messages.items(), key=lambda item: _place(data, item[0])):
        if key == "_schema":
            yield from _leaves(inner, data, keys)
        else:
            yield from _leaves(inner, _child(data, key), (*keys, key))


def _place(data: object, key: object) -> tuple[bool, int]:
    """Where a key stands in what the user wrote: rules of the whole come first, what is missing comes last."""
    if key == "_schema":
        return False, -1
    if isinstance(data, Mapping):
        # Few keys are wrong, and few keys are there.
        return key not in data, next((at for at, one in enumerate(data) if one == key), 0)
    return False, key if isinstance(key, int) else 0


def _child(data: object, key: object) -> object:
    if isinstance(data, Mapping):
        return data.get(key)
    if isinstance(data, list) and isinstance(key, int) and key < len(data):
        return data[key]
    return None
