"""Sets of characters, as a dot, a letter or a class of a regular expression means them. Pure.

Knows printable ASCII, which hosts and paths are made of; a negated set holds everything else as well.
"""

import string
from collections.abc import Iterable
from dataclasses import dataclass

_PRINTABLE = frozenset(map(chr, range(0x21, 0x7F)))
_SPECIAL = frozenset(".()*+?[]{}^$|\\")
NAMED = {
    "alnum": frozenset(string.ascii_letters + string.digits),
    "alpha": frozenset(string.ascii_letters),
    "digit": frozenset(string.digits),
    "lower": frozenset(string.ascii_lowercase),
    "upper": frozenset(string.ascii_uppercase),
    "xdigit": frozenset(string.hexdigits),
    "word": frozenset(string.ascii_letters + string.digits + "_"),
}


@dataclass(frozen=True, slots=True)
class Chars:
    """These characters, or all others."""

    listed: frozenset[str]
    negated: bool = False

    @property
    def members(self) -> frozenset[str]:
        """Those of them that are printable ASCII."""
        return _PRINTABLE - self.listed if self.negated else self.listed

    def disjoint(self, other: "Chars") -> bool:
        """True when no character is in both."""
        return not (self.negated and other.negated) and self.members.isdisjoint(other.members)

    def union(self, other: "Chars") -> "Chars":
        """What is in either."""
        if not self.negated and not other.negated:
            return Chars(self.listed | other.listed)
        return Chars(_PRINTABLE - (self.members | other.members), negated=True)

    def lowered(self) -> "Chars":
        """As it is meant for a text in lower case."""
        return Chars(frozenset(char.lower() for char in self.listed), self.negated)

    def folded(self) -> "Chars":
        """Of every letter both cases."""
        return Chars(frozenset(case for char in self.listed for case in (char.lower(), char.upper())), self.negated)

    def __str__(self) -> str:
        """As part of an expression; without quotes, spaces and line breaks."""
        if not self.listed and self.negated:
            return "."
        if len(self.listed) == 1 and not self.negated:
            [char] = self.listed
            return f"\\{char}" if char in _SPECIAL else _quoted(char)
        return f"[{'^' * self.negated}{''.join(_ranges(self.listed))}]"


ANY = Chars(frozenset(), negated=True)


def _ranges(chars: Iterable[str]) -> Iterable[str]:
    """`a-z` and single characters, in their order."""
    runs: list[list[str]] = []
    for char in sorted(chars):
        if runs and ord(char) == ord(runs[-1][-1]) + 1:
            runs[-1].append(char)
        else:
            runs.append([char])
    for run in runs:
        # Both ends of a range are letters or digits in what people write; others stand alone where they are few.
        yield f"{_in_class(run[0])}-{_in_class(run[-1])}" if len(run) > 2 else "".join(map(_in_class, run))


def _in_class(char: str) -> str:
    return f"\\{char}" if char in "\\]^-[" else _quoted(char)


def _quoted(char: str) -> str:
    return r"\x27" if char == "'" else char
