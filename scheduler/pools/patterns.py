"""Regular expressions from users: whether one may be run against untrusted names.

They are matched with Python's backtracking `re` against task names and labels, which applications choose. So besides
compiling, a pattern must not be able to take exponential time: what is repeated without limit matches in one way only,
and what is repeated a few times in few ways; no backreference, no look-around.
"""

import re

# The parse tree that re.compile itself uses: there is no public way to see a pattern's structure. The unit tests pin
# what is used of it.
from re import _constants as _ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

MAX_PATTERN = 512
_MANY = 32
"""A counted repetition above this counts as one without limit."""
_MAX_WAYS = 10_000
"""Choices between alternatives and counts that a match may have to try one by one."""
_MAX_OPEN = 4
"""Repetitions without limit: each multiplies the time by the length of the name."""


class _Refused(Exception):
    """The message is the rule that is broken."""


class _Cost(NamedTuple):
    ways: int = 1
    open: int = 0
    """Repetitions without limit."""


def pattern_problem(pattern: str) -> str | None:
    """The rule that `pattern` breaks, as the end of a sentence, or None when it may be used."""
    if len(pattern) > MAX_PATTERN:
        return f"must not be longer than {MAX_PATTERN} characters"
    try:
        re.compile(pattern)
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}"
    try:
        cost = _cost(tree)
    except _Refused as refused:
        return str(refused)
    if cost.ways > _MAX_WAYS:
        return "has too many ways to match: alternatives and optional parts are repeated"
    if cost.open > _MAX_OPEN:
        return f"must not hold more than {_MAX_OPEN} repetitions without limit, such as .*"
    return None


def _cost(tree: Any) -> _Cost:
    """Of a sequence: every way of one part with every way of the next."""
    ways, open_ = 1, 0
    for operation, argument in tree:
        cost = _cost_of(operation, argument)
        ways, open_ = min(ways * cost.ways, _MAX_WAYS + 1), open_ + cost.open
    return _Cost(ways, open_)


def _cost_of(operation: Any, argument: Any) -> _Cost:
    if operation in (_ops.GROUPREF, _ops.GROUPREF_EXISTS):
        raise _Refused("must not use backreferences")
    if operation in (_ops.ASSERT, _ops.ASSERT_NOT):
        raise _Refused("must not use look-ahead or look-behind")
    if operation in (_ops.MAX_REPEAT, _ops.MIN_REPEAT, _ops.POSSESSIVE_REPEAT):
        least, most, inner = argument
        cost = _cost(inner)
        if most is not _ops.MAXREPEAT and most <= _MANY:
            return _Cost(min((most - least + 1) * cost.ways**most, _MAX_WAYS + 1), cost.open * most)
        if cost != _Cost():
            raise _Refused("must not repeat a repetition or alternatives, such as (a+)+: matching could take for ever")
        return _Cost(open=1)
    if operation is _ops.BRANCH:
        costs = [_cost(branch) for branch in argument[1]]
        return _Cost(sum(cost.ways for cost in costs), max(cost.open for cost in costs))
    if operation is _ops.SUBPATTERN:
        return _cost(argument[3])
    if operation is _ops.ATOMIC_GROUP:
        return _cost(argument)
    return _Cost()
