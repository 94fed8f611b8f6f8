"""Marathon's placement constraints, a short language for the rules of `sdk.model.placement`.

They look only at instances of the same pod. Fields: `hostname` or `@hostname`, `@region`, `@zone`, anything else is an
agent attribute. How an agent without the field is treated follows Marathon where it is documented: MAX_PER and UNLIKE
accept it, all others but IS_NOT refuse.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from sdk.errors import InvalidSpec
from sdk.model.placement import Is, Like, MaxPer, Not, RoundRobin, Rule, Together
from sdk.offer.rules import RuleSet
from sdk.pattern import BadPattern, Pattern

Constraint = tuple[str, ...]
OPERATORS = ("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS", "IS_NOT")
_NEEDS_VALUE = frozenset({"LIKE", "UNLIKE", "MAX_PER", "IS", "IS_NOT"})
_NUMBER = frozenset({"MAX_PER", "GROUP_BY"})


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


@lru_cache(maxsize=256)
def rule_set(constraints: tuple[Constraint, ...], rules: tuple[Rule, ...]) -> RuleSet:
    """The rules of a pod, in both languages; what a constraint refuses is told with its words."""
    short = [(as_rule(constraint), f" ({':'.join(constraint)})") for constraint in constraints]
    return RuleSet([*short, *((rule, "") for rule in rules)])


@lru_cache(maxsize=1024)
def as_rule(constraint: Constraint) -> Rule:
    """The rule that a constraint is short for."""
    field, operator = constraint[0], constraint[1]
    value = constraint[2] if len(constraint) > 2 else None
    return _RULES[operator](field, value)


def _is(field: str, value: str | None) -> Rule:
    return Is(field=field, values=(value or "",))


def _like(field: str, value: str | None) -> Rule:
    return Like(field=field, pattern=value or "")


_RULES: dict[str, Callable[[str, str | None], Rule]] = {
    "UNIQUE": lambda field, _value: MaxPer(field=field, count=1),
    "CLUSTER": lambda field, value: Together(field=field) if value is None else _is(field, value),
    "GROUP_BY": lambda field, value: RoundRobin(field=field, values=int(value or 0)),
    "LIKE": _like,
    "UNLIKE": lambda field, value: Not(rule=_like(field, value)),
    "MAX_PER": lambda field, value: MaxPer(field=field, count=int(value or 1), lenient=True),
    "IS": _is,
    "IS_NOT": lambda field, value: Not(rule=_is(field, value)),
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
