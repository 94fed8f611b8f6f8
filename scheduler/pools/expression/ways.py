"""In how many ways an expression can take the same text. Pure.

HAProxy tries one way after the other. A group that is repeated, with two ways for one turn or for where a turn ends,
has exponentially many. So each must have one: what a repetition within the group takes ends at a character that it
cannot take, and the first character of a turn tells which branch it is. This refuses some that would do no harm.
"""

from collections.abc import Iterator
from itertools import combinations

from scheduler.pools.expression.chars import Chars
from scheduler.pools.expression.tree import Anchor, Choice, Node, Repeat


def many_ways(choice: Choice) -> Repeat | None:
    """A repeated group of which a text can be made in more than one way; None when there is none."""
    for branch in choice.branches:
        for node in branch:
            if isinstance(node, Repeat) and isinstance(node.what, Choice):
                if node.most != 1 and not _one_way(node.what):
                    return node
                found = many_ways(node.what)
            else:
                found = many_ways(node) if isinstance(node, Choice) else None
            if found is not None:
                return found
    return None


def _one_way(group: Choice, *, once: bool = False) -> bool:
    """Whether there is one way only to divide a text into turns of this group, or, `once`, into the parts of a turn."""
    firsts = [_first(branch) for branch in group.branches]
    known = [first for first in firsts if first is not None]
    if len(known) < len(firsts) or not all(one.disjoint(other) for one, other in combinations(known, 2)):
        return False
    return all(_determined(branch, [] if once else known) for branch in group.branches)


def _determined(branch: tuple[Node, ...], firsts: list[Chars]) -> bool:
    """Whether it is certain where in a text each part of one turn ends; `firsts` are what a next turn begins with."""
    varying: list[tuple[int, Chars]] = []
    for at, node in enumerate(branch):
        match node:
            case Anchor():
                return False
            case Chars():
                continue
            case Repeat(what=Chars()) if node.least == node.most:
                continue
            case Repeat(what=Choice() as inner) if not _one_way(inner, once=node.most == 1):
                return False
            case Choice() if not _one_way(node, once=True):
                return False
        varying.append((at, _taken(node)))
    for (at, taken), (later, others) in combinations(varying, 2):
        between = (node for node in branch[at + 1 : later] if isinstance(node, Chars))
        if not taken.disjoint(others) and not any(mark.disjoint(taken.union(others)) for mark in between):
            return False
    return all(
        any(isinstance(mark, Chars) and mark.disjoint(taken) for mark in branch[at + 1 :])
        or all(first.disjoint(taken) for first in firsts)
        for at, taken in varying
    )


def _first(branch: tuple[Node, ...]) -> Chars | None:
    """The characters that it can begin with; None when it can be empty."""
    found = Chars(frozenset())
    for node in branch:
        match node:
            case Chars():
                return found.union(node)
            case Repeat(what=Chars() as chars):
                found = found.union(chars)
                if node.least:
                    return found
            case Repeat(what=Choice() as inner) | (Choice() as inner):
                firsts = [_first(one) for one in inner.branches]
                for first in firsts:
                    found = found if first is None else found.union(first)
                if None not in firsts and (isinstance(node, Choice) or node.least):
                    return found
    return None


def _taken(node: Node) -> Chars:
    return _union(_characters(node))


def _union(sets: Iterator[Chars]) -> Chars:
    found = Chars(frozenset())
    for one in sets:
        found = found.union(one)
    return found


def _characters(node: Node) -> Iterator[Chars]:
    match node:
        case Chars():
            yield node
        case Repeat():
            yield from _characters(node.what)
        case Choice():
            for branch in node.branches:
                for one in branch:
                    yield from _characters(one)
