"""A regular expression as a tree: what it is written as, and how large it is. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from scheduler.pools.expression.chars import Chars


@dataclass(frozen=True, slots=True)
class Anchor:
    """`^` or `$`."""

    sign: str

    def __str__(self) -> str:
        return self.sign


@dataclass(frozen=True, slots=True)
class Repeat:
    """Something so many times; `most` None without a bound."""

    what: "Chars | Choice"
    least: int
    most: int | None

    def __str__(self) -> str:
        short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((self.least, self.most))
        most = "" if self.most is None else self.most
        count = f"{{{self.least}}}" if self.least == self.most else f"{{{self.least},{most}}}"
        return f"{self.what}{short or count}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several sequences, in parentheses."""

    branches: "tuple[tuple[Node, ...], ...]"

    def __str__(self) -> str:
        return f"({self.inner})"

    @property
    def inner(self) -> str:
        """Without the parentheses."""
        return "|".join("".join(map(str, branch)) for branch in self.branches)

    def simple(self) -> "Chars | Choice":
        """A set where each branch is one character: HAProxy tries a set at once, and branches one by one."""
        sets = [branch[0] for branch in self.branches if len(branch) == 1 and isinstance(branch[0], Chars)]
        return reduce(Chars.union, sets) if len(sets) == len(self.branches) else self

    def mapped(self, change: Callable[[Chars], Chars]) -> "Choice":
        """The same with other characters."""
        return Choice(tuple(tuple(_mapped(node, change) for node in branch) for branch in self.branches))


Node = Chars | Anchor | Repeat | Choice


def _mapped(node: Node, change: Callable[[Chars], Chars]) -> Node:
    match node:
        case Chars():
            return change(node)
        case Anchor():
            return node
        case Repeat():
            what = change(node.what) if isinstance(node.what, Chars) else node.what.mapped(change)
            return Repeat(what, node.least, node.most)
        case Choice():
            return node.mapped(change)


def size(node: Node) -> int:
    """How many characters and anchors it is when everything that is counted is written out."""
    match node:
        case Choice():
            return sum(size(one) for branch in node.branches for one in branch) + len(node.branches)
        case Repeat():
            return size(node.what) * max(1, node.least, node.most or 0)
        case _:
            return 1
