"""The V2 form of what instances are given beside their configuration."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from scheduler.pools.fields import Strict, Text, Value
from scheduler.pools.model import EnvironmentVariable, Secret
from scheduler.pools.words import file_names

_MOST_VARIABLES, _LONGEST = 200, 64 * 1024


class SecretSchema(Strict):
    MODEL = Secret
    secret = Text(file_names.secret, required=True)
    file = Text(file_names.file_name, required=True)


class Environment(Value):
    """Variables by their names; kept in the order of the names. No message holds a value."""

    def read(self, value: Any) -> tuple[EnvironmentVariable, ...]:
        if not isinstance(value, Mapping):
            raise ValidationError("must be an object of names and strings")
        if len(value) > _MOST_VARIABLES:
            raise ValidationError(f"must not have more than {_MOST_VARIABLES} variables")
        problems = {str(name): [rule] for name, text in value.items() if (rule := _problem(str(name), text))}
        if problems:
            raise ValidationError(problems)
        return tuple(EnvironmentVariable(name=name, value=value[name]) for name in sorted(value))

    def write(self, value: Any) -> dict[str, str]:
        return {one.name: one.value for one in value}


def _problem(name: str, text: object) -> str | None:
    if problem := file_names.variable(name):
        return problem
    if not isinstance(text, str):
        return "must be a string"
    if len(text) > _LONGEST:
        return f"must not be longer than {_LONGEST} characters"
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
        return "must not hold zero characters or halves of characters"
    if "\n" in text and not name.startswith("ELB_FILE_"):
        return "must be one line, unless its name begins with ELB_FILE_ so that it becomes a file"
    return None
