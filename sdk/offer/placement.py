"""Marathon's placement constraints: where an instance may run, given where its siblings are.

Rules look only at instances of the same pod type and only when an instance is placed anew: a relaunch stays where its
reservation is. Fields: `hostname` or `@hostname`, `@region`, `@zone`, anything else is an agent attribute. How an agent
without the field is treated follows Marathon where it is documented: MAX_PER and UNLIKE accept it, all others refuse.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sdk.errors import InvalidSpec
from sdk.model.resources import Attribute, Offer
from sdk.pattern import BadPattern, Pattern

Constraint = tuple[str, ...]
OPERATORS = ("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS", "IS_NOT")
_NEEDS_VALUE = frozenset({"LIKE", "UNLIKE", "MAX_PER", "IS", "IS_NOT"})
_NUMBER = frozenset({"MAX_PER", "GROUP_BY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an instance is, or would be."""

    hostname: str
    region: str | None = None
    zone: str | None = None
    attributes: tuple[Attribute, ...] = ()
    instance: str = ""
    """Who runs there, for explanations."""

    def field(self, name: str) -> str | None:
        """The value that constraints on `name` compare; None when the agent has no such field."""
        match name:
            case "hostname" | "@hostname":
                return self.hostname
            case "@region":
                return self.region
            case "@zone":
                return self.zone
            case _:
                return next((found.text for found in self.attributes if found.name == name), None)


def place_of(offer: Offer) -> Place:
    """The place that an offer stands for."""
    return Place(hostname=offer.hostname, region=offer.region, zone=offer.zone, attributes=offer.attributes)


def parse_constraints(text: str, path: str = "constraints") -> tuple[Constraint, ...]:
    """Constraints in any of the three spellings; raises `InvalidSpec` for anything else.

    `[["hostname","UNIQUE"],["rack","LIKE","r-[1-3]"]]`, a single flat list `["hostname","UNIQUE"]`, or
    `hostname:UNIQUE,rack:LIKE:r-[1-3]` where a backslash takes the meaning from `:`, `,` and itself.
    """
    text = text.strip()
    if not text:
        return ()
    if text.startswith("["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidSpec(path, f"is not JSON ({error}); write [[field, operator, value], ...]") from error
        triples = [value] if value and all(isinstance(item, str) for item in value) else value
        if not all(isinstance(item, list) and all(isinstance(word, str | int) for word in item) for item in triples):
            raise InvalidSpec(path, "is not a list of lists [field, operator, value] of strings")
        raw: list[list[str]] = [[str(word) for word in item] for item in triples]
    else:
        raw = _split(text, path)
    return checked([tuple(item) for item in raw], path)


def checked(constraints: Iterable[Sequence[str]], path: str = "constraints") -> tuple[Constraint, ...]:
    """The constraints with their operators in capitals; raises `InvalidSpec` at the first that breaks a rule."""
    found: list[Constraint] = []
    for position, constraint in enumerate(constraints):
        where = f"{path}[{position}]"
        if not 2 <= len(constraint) <= 3 or not constraint[0]:
            raise InvalidSpec(where, "has to be [field, operator] or [field, operator, value]")
        operator = constraint[1].upper()
        if operator not in OPERATORS:
            raise InvalidSpec(where, f"operator {constraint[1]!r} is none of {', '.join(OPERATORS)}")
        value = constraint[2] if len(constraint) == 3 and constraint[2] != "" else None
        if value is None and operator in _NEEDS_VALUE:
            raise InvalidSpec(where, f"{operator} needs a value")
        if value is not None and operator == "UNIQUE":
            raise InvalidSpec(where, "UNIQUE takes no value")
        if value is not None and operator in _NUMBER and not (value.isascii() and value.isdigit() and int(value) > 0):
            raise InvalidSpec(where, f"{operator} needs a whole number above 0, not {value!r}")
        if value is not None and operator in {"LIKE", "UNLIKE"}:
            try:
                Pattern(value)
            except BadPattern as error:
                raise InvalidSpec(where, f"{value!r} {error}") from error
        found.append((constraint[0], operator) if value is None else (constraint[0], operator, value))
    return tuple(found)


def refusals(constraints: Iterable[Constraint], place: Place, siblings: Sequence[Place]) -> tuple[str, ...]:
    """One sentence for each constraint that forbids `place` while the other instances are at `siblings`."""
    found = [refusal for constraint in constraints if (refusal := _refusal(constraint, place, siblings)) is not None]
    return tuple(found)


def _refusal(constraint: Constraint, place: Place, siblings: Sequence[Place]) -> str | None:
    field, operator = constraint[0], constraint[1]
    value = constraint[2] if len(constraint) > 2 else None
    return _RULES[operator](field, value, place.field(field), siblings, ":".join(constraint))


def _runs(siblings: Sequence[Place], field: str, own: str | None) -> list[Place]:
    return [sibling for sibling in siblings if sibling.field(field) == own]


def _unique(field: str, _value: str | None, own: str | None, siblings: Sequence[Place], rule: str) -> str | None:
    if own is None:
        return f"no {field} ({rule})"
    taken = _runs(siblings, field, own)
    return f"{field} {own} already runs {taken[0].instance} ({rule})" if taken else None


def _cluster(field: str, value: str | None, own: str | None, siblings: Sequence[Place], rule: str) -> str | None:
    if own is None:
        return f"no {field} ({rule})"
    if value is not None:
        return None if own == value else f"{field} {own} is not {value} ({rule})"
    others = [sibling for sibling in siblings if sibling.field(field) not in (own, None)]
    return f"{others[0].instance} runs on {field} {others[0].field(field)} ({rule})" if others else None


def _group_by(field: str, value: str | None, own: str | None, siblings: Sequence[Place], rule: str) -> str | None:
    if own is None:
        return f"no {field} ({rule})"
    counts = Counter(found for sibling in siblings if (found := sibling.field(field)) is not None)
    known = {*counts, own}
    # With fewer values seen than announced, there is one elsewhere that still runs nothing.
    least = 0 if value is not None and len(known) < int(value) else min(counts[name] for name in known)
    if counts[own] <= least:
        return None
    return f"{field} {own} already runs {counts[own]}, another one only {least} ({rule})"


def _like(field: str, value: str | None, own: str | None, _siblings: Sequence[Place], rule: str) -> str | None:
    if own is None:
        return f"no {field} ({rule})"
    return None if _pattern(value or "").matches(own) else f"{field} {own} is not like {value} ({rule})"


def _unlike(field: str, value: str | None, own: str | None, _siblings: Sequence[Place], rule: str) -> str | None:
    return f"{field} {own} is like {value} ({rule})" if own is not None and _pattern(value or "").matches(own) else None


@lru_cache(maxsize=1024)
def _pattern(text: str) -> Pattern:
    try:
        return Pattern(text)
    except BadPattern:
        # Stored by an earlier release, whose patterns were Python's. It can be meant in one way only: as it stands.
        return Pattern(re.escape(text))


def _max_per(field: str, value: str | None, own: str | None, siblings: Sequence[Place], rule: str) -> str | None:
    if own is None:
        return None
    taken = len(_runs(siblings, field, own))
    return f"{field} {own} already runs {taken} ({rule})" if taken >= int(value or 1) else None


def _is(field: str, value: str | None, own: str | None, _siblings: Sequence[Place], rule: str) -> str | None:
    if own is None:
        return f"no {field} ({rule})"
    return None if own == value else f"{field} {own} is not {value} ({rule})"


def _is_not(field: str, value: str | None, own: str | None, _siblings: Sequence[Place], rule: str) -> str | None:
    return f"{field} is {own} ({rule})" if own == value else None


_RULES: dict[str, Callable[[str, str | None, str | None, Sequence[Place], str], str | None]] = {
    "UNIQUE": _unique,
    "CLUSTER": _cluster,
    "GROUP_BY": _group_by,
    "LIKE": _like,
    "UNLIKE": _unlike,
    "MAX_PER": _max_per,
    "IS": _is,
    "IS_NOT": _is_not,
}


def _split(text: str, path: str) -> list[list[str]]:
    """`a:OP:v,b:OP` into words; a backslash takes the meaning from the next character."""
    triples: list[list[str]] = [[""]]
    characters = iter(text)
    for character in characters:
        match character:
            case "\\":
                following = next(characters, None)
                if following is None:
                    raise InvalidSpec(path, "ends in a backslash")
                # Only our own separators are escaped; the backslashes of a regular expression stay.
                triples[-1][-1] += following if following in ",:\\" else "\\" + following
            case ",":
                triples.append([""])
            case ":" if len(triples[-1]) < 3:
                triples[-1].append("")
            case _:
                triples[-1][-1] += character
    return [[word.strip() for word in triple] for triple in triples]
