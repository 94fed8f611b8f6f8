"""From the text of a regular expression to its tree: the part of the grammar that RE2 and HAProxy read alike. Pure."""

import re

from scheduler.pools.expression.chars import ANY, NAMED, Chars
from scheduler.pools.expression.tree import Anchor, Choice, Node, Repeat

MOST_TIMES = 100
_DEEPEST = 10
_TIMES = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}")
_NAMED = re.compile(r"\[:(\^?)([a-z]+):\]")
_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_CLASSES = {"d": "digit", "w": "word"}


class BadExpression(ValueError):
    """It is none of these; the message is the end of a sentence."""


def parse(text: str) -> Choice:
    """Its tree; raises BadExpression."""
    if not text.isascii() or not all("!" <= char <= "~" for char in text):
        raise BadExpression("must hold only printable ASCII without spaces, as hosts and paths do")
    parser = _Parser(text.removeprefix("(?i)"))
    tree = parser.choice(0)
    if parser.rest:
        raise BadExpression("has a ) without a (")
    return tree.mapped(Chars.folded) if text.startswith("(?i)") else tree


class _Parser:
    def __init__(self, text: str) -> None:
        self.rest = text

    def choice(self, depth: int) -> Choice:
        """Up to the end, or to a parenthesis that closes."""
        if depth > _DEEPEST:
            raise BadExpression(f"has parentheses deeper than {_DEEPEST}")
        branches: list[list[Node]] = [[]]
        while self.rest and not self.rest.startswith(")"):
            if self._took("|"):
                branches.append([])
            else:
                branches[-1].append(self._repeated(self._item(depth)))
        return Choice(tuple(map(tuple, branches)))

    def _took(self, text: str) -> bool:
        there = self.rest.startswith(text)
        self.rest = self.rest[len(text) :] if there else self.rest
        return there

    def _next(self, of: str) -> str:
        if not self.rest:
            raise BadExpression(f"ends within {of}")
        char, self.rest = self.rest[0], self.rest[1:]
        return char

    def _item(self, depth: int) -> Node:
        char = self._next("nothing")
        match char:
            case "^" | "$":
                return Anchor(char)
            case ".":
                return ANY
            case "(":
                return self._group(depth)
            case "[":
                return self._class()
            case "\\":
                return self._escaped()
            case "*" | "+" | "?":
                raise BadExpression(f"has a {char} with nothing before it that it repeats")
            case "{" | "}":
                raise BadExpression(f"has a {char} that counts nothing; write \\{char} for the character")
            case _:
                return Chars(frozenset(char))

    def _group(self, depth: int) -> Chars | Choice:
        if self.rest.startswith("?") and not self._took("?:"):
            raise BadExpression("has a (? group; only (?: and, at the beginning of all, (?i) are known")
        inner = self.choice(depth + 1)
        if not self._took(")"):
            raise BadExpression("has a ( without a )")
        return inner.simple()

    def _repeated(self, node: Node) -> Node:
        if (count := self._count()) is None:
            return node
        # What is repeated as seldom as possible is found in the same texts.
        self._took("?")
        if self.rest[:1] in ("*", "+", "?") or _TIMES.match(self.rest):
            raise BadExpression("repeats a repetition; put the inner one into parentheses")
        if not isinstance(node, Chars | Choice):
            raise BadExpression(f"repeats {node}")
        return Repeat(node, *count)

    def _count(self) -> tuple[int, int | None] | None:
        """The least and most times of a repetition, if one follows."""
        for sign, count in _SIGNS.items():
            if self._took(sign):
                return count
        times = _TIMES.match(self.rest)
        if times is None:
            return None
        self.rest = self.rest[times.end() :]
        least = int(times[1])
        most = least if times[2] is None else int(times[3]) if times[3] else None
        if max(least, most or 0) > MOST_TIMES or (most is not None and (most < least or most == 0)):
            raise BadExpression(f"has {times[0]}; a count is at most {MOST_TIMES}, and the first is the lower one")
        return least, most

    def _escaped(self) -> Chars:
        char = self._next("an escape")
        if char.lower() in _CLASSES:
            return Chars(NAMED[_CLASSES[char.lower()]], negated=char.isupper())
        if char.isalnum():
            raise BadExpression(rf"has \{char}; of escapes only \d, \w, \D, \W and those of punctuation are known")
        return Chars(frozenset(char))

    def _class(self) -> Chars:
        negated = self._took("^")
        listed: frozenset[str] = frozenset()
        first = True
        while first or not self._took("]"):
            first = False
            if found := _NAMED.match(self.rest):
                if found[1] or found[2] not in NAMED:
                    raise BadExpression(f"has {found[0]}; known are {', '.join(f'[:{name}:]' for name in NAMED)}")
                self.rest = self.rest[found.end() :]
                listed |= NAMED[found[2]]
                continue
            one = self._member()
            # A - at the end of a class is itself.
            if self.rest[:1] == "-" and self.rest[1:2] != "]" and len(one) == 1:
                self._took("-")
                one = self._range(next(iter(one)), self._member())
            listed |= one
        return Chars(listed, negated)

    def _member(self) -> frozenset[str]:
        char = self._next("a class")
        if char != "\\":
            return frozenset(char)
        found = self._escaped()
        if found.negated:
            raise BadExpression(r"has \D or \W within [ ]; name the characters")
        return found.listed

    def _range(self, low: str, high: frozenset[str]) -> frozenset[str]:
        if len(high) != 1 or (top := next(iter(high))) < low:
            raise BadExpression(f"has a range within [ ] that begins at {low} and ends nowhere behind it")
        return frozenset(map(chr, range(ord(low), ord(top) + 1)))
