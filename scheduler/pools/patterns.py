"""Regular expressions from users: whether one may be run against untrusted names.

They are matched with Python's backtracking `re` against task names and labels, which applications choose. So besides
compiling, a pattern must not be able to take exponential time: no repetition without limit inside another one, no
backreference, no look-around.
"""

import re

# The parse tree that re.compile itself uses: there is no public way to see a pattern's structure. The unit tests pin
# what is used of it.
from re import _constants as _ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

MAX_PATTERN = 512
_MANY = 32
"""A counted repetition above this counts as one without limit."""


def pattern_problem(pattern: str) -> str | None:
    """The rule that `pattern` breaks, as the end of a sentence, or None when it may be used."""
    if len(pattern) > MAX_PATTERN:
        return f"must not be longer than {MAX_PATTERN} characters"
    try:
        re.compile(pattern)
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}"
    return _problem_in(tree, inside_repeat=False)


def _problem_in(tree: Any, *, inside_repeat: bool) -> str | None:
    for operation, argument in tree:
        if operation in (_ops.GROUPREF, _ops.GROUPREF_EXISTS):
            return "must not use backreferences"
        if operation in (_ops.ASSERT, _ops.ASSERT_NOT):
            return "must not use look-ahead or look-behind"
        repeats = operation in (_ops.MAX_REPEAT, _ops.MIN_REPEAT, _ops.POSSESSIVE_REPEAT)
        many = repeats and (argument[1] is _ops.MAXREPEAT or argument[1] > _MANY)
        if many and inside_repeat:
            return "must not repeat a repetition, such as (a+)+: matching could take exponential time"
        for child in _children(operation, argument):
            if problem := _problem_in(child, inside_repeat=inside_repeat or many):
                return problem
    return None


def _children(operation: Any, argument: Any) -> list[Any]:
    if operation in (_ops.MAX_REPEAT, _ops.MIN_REPEAT, _ops.POSSESSIVE_REPEAT):
        return [argument[2]]
    if operation is _ops.SUBPATTERN:
        return [argument[3]]
    if operation is _ops.ATOMIC_GROUP:
        return [argument]
    if operation is _ops.BRANCH:
        return list(argument[1])
    return []
