"""The V2 form of the networks that instances join."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from scheduler.pools.fields import Strict, Text, Value
from scheduler.pools.model.network import NetworkLabel, VirtualNetwork
from scheduler.pools.words import texts

_MOST = 50


class Labels(Value):
    """Labels by their names; kept in the order of the names."""

    def read(self, value: Any) -> tuple[NetworkLabel, ...]:
        if not isinstance(value, Mapping):
            raise ValidationError("must be an object of names and strings")
        if len(value) > _MOST:
            raise ValidationError(f"must not have more than {_MOST} labels")
        problems = {str(name): [rule] for name, text in value.items() if (rule := _problem(str(name), text))}
        if problems:
            raise ValidationError(problems)
        return tuple(NetworkLabel(name=name, value=value[name]) for name in sorted(value))

    def write(self, value: Any) -> dict[str, str]:
        return {one.name: one.value for one in value}


def _problem(name: str, text: object) -> str | None:
    if problem := texts.label(name):
        return f"its name {problem}"
    return texts.label_value(text) if isinstance(text, str) else "must be a string"


class VirtualNetworkSchema(Strict):
    MODEL = VirtualNetwork
    name = Text(texts.network, required=True)
    labels = Labels()
