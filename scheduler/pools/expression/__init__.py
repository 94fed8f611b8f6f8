r"""Regular expressions for hosts and paths of requests: what RE2 and HAProxy read alike, and in bounded time. Pure.

HAProxy matches with whatever library it was built with (PCRE2, PCRE), which tries one way after the other. So what
users write is read here, checked, and written anew in the plainest words: `\d` as `[0-9]`, `(?:a|b)` as `[ab]`.
"""

from scheduler.pools.expression.chars import Chars
from scheduler.pools.expression.parser import BadExpression, parse
from scheduler.pools.expression.tree import size
from scheduler.pools.expression.ways import many_ways
from scheduler.pools.words.patterns import pattern_problem

__all__ = ["BadExpression", "plain", "problem"]

LARGEST = 1000
"""Characters of an expression whose counts are written out."""


def plain(text: str, *, lower: bool = False) -> str:
    """The expression in plain words, `lower` for texts that are in lower case; raises BadExpression.

    It holds no quotes `'`, spaces and line breaks.
    """
    # RE2 first: it bounds the length and names mistakes well.
    if problem := pattern_problem(text):
        raise BadExpression(problem)
    tree = parse(text)
    if sum(size(one) for branch in tree.branches for one in branch) > LARGEST:
        raise BadExpression(f"is larger than {LARGEST} characters when its counts are written out")
    if (found := many_ways(tree)) is not None:
        rule = "let each turn begin with or end at a character of its own, as in ([a-z]+[.])*"
        raise BadExpression(f"repeats {found.what}, of which a text can be made in many ways: {rule}")
    return (tree.mapped(Chars.lowered) if lower else tree).inner


def problem(text: str) -> str | None:
    """The rule that an expression breaks, as the end of a sentence, or None when it may be used."""
    try:
        plain(text)
    except BadExpression as error:
        return str(error)
    return None
