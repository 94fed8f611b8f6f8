"""Marathon-style placement constraints of a pool: from the text in a pool file to checked values.

Knows the three spellings that pools were written in: `hostname:UNIQUE`, comma-joined
`public_ip:CLUSTER:true,hostname:UNIQUE`, and a JSON array in the string,
`[["hostname","MAX_PER","1"],["@zone","GROUP_BY","3"]]` or a single `["hostname","UNIQUE"]`.
Does not know offers: whether an agent satisfies them is decided by the SDK.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from scheduler.pools.patterns import pattern_problem

_FIELD = re.compile(r"@?[A-Za-z0-9_./-]{1,128}")
_MAX_TEXT = 4096


class Operator(StrEnum):
    """Marathon's operators."""

    UNIQUE = "UNIQUE"
    CLUSTER = "CLUSTER"
    GROUP_BY = "GROUP_BY"
    LIKE = "LIKE"
    UNLIKE = "UNLIKE"
    MAX_PER = "MAX_PER"
    IS = "IS"


_NEEDS_VALUE = {Operator.LIKE, Operator.UNLIKE, Operator.MAX_PER, Operator.IS}
_TAKES_NUMBER = {Operator.MAX_PER, Operator.GROUP_BY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One constraint on `field` (`hostname`, `@region`, `@zone` or an attribute); `value` is `""` when not given."""

    field: str
    operator: Operator
    value: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Marathon's pair or triple, as the SDK's PodSpec takes it."""
        return (self.field, self.operator.value, self.value) if self.value else (self.field, self.operator.value)


class BadConstraint(ValueError):
    """The text is not a list of constraints; the message is the rule it breaks."""


def parse_constraints(text: str) -> tuple[Constraint, ...]:
    """The constraints in `text` in their order; empty text means none. Raises BadConstraint."""
    if len(text) > _MAX_TEXT:
        raise BadConstraint(f"must not be longer than {_MAX_TEXT} characters")
    stripped = text.strip()
    if not stripped:
        return ()
    rows = _json_rows(stripped) if stripped.startswith("[") else _colon_rows(stripped)
    return tuple(_constraint(row) for row in rows)


def _json_rows(text: str) -> list[list[str]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadConstraint(f"starts like a JSON array but is not one: {error}") from error
    if rows and all(isinstance(item, str) for item in rows):
        rows = [rows]
    parsed = []
    for row in rows:
        if not isinstance(row, list) or not all(isinstance(part, str | int) for part in row):
            raise BadConstraint('each constraint must be an array of strings, such as ["hostname", "UNIQUE"]')
        parsed.append([str(part) for part in row])
    return parsed


def _colon_rows(text: str) -> list[list[str]]:
    return [[part.strip() for part in row.split(":", 2)] for row in text.split(",")]


def _constraint(row: list[str]) -> Constraint:
    shown = ":".join(row)
    if not 2 <= len(row) <= 3:
        raise BadConstraint(f"{shown!r} must have the form field:OPERATOR or field:OPERATOR:value")
    name, operator_text, value = row[0], row[1].upper(), row[2] if len(row) == 3 else ""
    if not _FIELD.fullmatch(name):
        raise BadConstraint(
            f"{shown!r} names the field {name!r}; it must be hostname, @region, @zone or an agent attribute"
        )
    try:
        operator = Operator(operator_text)
    except ValueError:
        known = ", ".join(Operator)
        raise BadConstraint(f"{shown!r} has the unknown operator {row[1]!r}; known are {known}") from None
    if operator is Operator.UNIQUE and value:
        raise BadConstraint(f"{shown!r}: UNIQUE takes no value")
    if operator in _NEEDS_VALUE and not value:
        raise BadConstraint(f"{shown!r}: {operator} needs a value")
    if operator in _TAKES_NUMBER and value and not re.fullmatch(r"[1-9][0-9]{0,5}", value):
        raise BadConstraint(f"{shown!r}: {operator} takes a whole number of at least 1, not {value!r}")
    if operator in (Operator.LIKE, Operator.UNLIKE) and (problem := pattern_problem(value)):
        raise BadConstraint(f"{shown!r}: {problem}")
    return Constraint(field=name, operator=operator, value=value)
