"""Marathon-style placement constraints of a pool: from the text in a pool file to checked values.

The spellings (`hostname:UNIQUE`, comma-joined, a JSON array in the string) and the operators are the SDK's. Here stand
the rules that a text from a user has to meet besides: bounded, plain field names, patterns that cannot run for ever.
"""

import re
from dataclasses import dataclass

from scheduler.pools.words.patterns import pattern_problem
from sdk.errors import InvalidSpec
from sdk.offer import placement

_FIELD = re.compile(r"@?[A-Za-z0-9_./-]{1,128}")
_MAX_TEXT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One constraint on `field` (`hostname`, `@region`, `@zone` or an attribute); `value` is `""` when not given."""

    field: str
    operator: str
    value: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Marathon's pair or triple, as the SDK's PodSpec takes it."""
        return (self.field, self.operator, self.value) if self.value else (self.field, self.operator)


class BadConstraint(ValueError):
    """The text is not a list of constraints; the message is the rule it breaks."""


def parse_constraints(text: str) -> tuple[Constraint, ...]:
    """The constraints in `text` in their order; empty text means none. Raises BadConstraint."""
    if len(text) > _MAX_TEXT:
        raise BadConstraint(f"must not be longer than {_MAX_TEXT} characters")
    found = read_constraints(text)
    for constraint in found:
        _check(constraint)
    return found


def read_constraints(text: str) -> tuple[Constraint, ...]:
    """The same for a text that was accepted before, under whatever rules. Raises BadConstraint for what is no list."""
    try:
        found = placement.parse_constraints(text)
    except InvalidSpec as error:
        # The path inside the text is of use where there are several.
        raise BadConstraint(str(error).removeprefix("constraints: ")) from error
    except RecursionError as error:
        raise BadConstraint("is nested too deeply") from error
    return tuple(Constraint(field=parts[0], operator=parts[1], value="".join(parts[2:])) for parts in found)


def _check(constraint: Constraint) -> None:
    field, operator, value = constraint.field, constraint.operator, constraint.value
    if not _FIELD.fullmatch(field):
        raise BadConstraint(f"names the field {field!r}; it must be hostname, @region, @zone or an agent attribute")
    if operator in ("LIKE", "UNLIKE") and (problem := pattern_problem(value)):
        raise BadConstraint(f"{field}:{operator}:{value}: {problem}")
