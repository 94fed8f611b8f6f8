"""Which field of a pool each line of a configuration comes from.

The templates say it with a tag, `{% field "backend", backend.name, "balance" %}`: what follows comes from that field,
up to the next tag. Where a configuration is printed to be served, the tag is nothing; where it is printed to be judged,
it leaves marks, which are taken out of the text again. Does not know pools: an origin is the words of a tag.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

Origin = tuple[str, ...]
"""The words of a tag: a kind of section, the name of one where there are several, and a field of it."""

# The model's grammar keeps both out of everything that is printed.
_BEGIN, _BETWEEN, _END = "\x02", "\x1f", "\x03"
_MARK = re.compile(f"{_BEGIN}([^{_END}]*){_END}")


def mark_of(*words: object) -> str:
    """What stands in a text where the lines of an origin begin."""
    return f"{_BEGIN}{_BETWEEN.join(map(str, words))}{_END}"


class FieldTag(Extension):
    """The tag where nobody asks: nothing."""

    tags = {"field"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """The tag as it stands in a template."""
        line = next(parser.stream).lineno
        words = parser.parse_tuple()
        return self.printed(words.items if isinstance(words, nodes.Tuple) else [words], line)

    def printed(self, words: list[nodes.Expr], line: int) -> nodes.Node | list[nodes.Node]:
        """What the tag prints."""
        del words, line
        return []


class MarkingFieldTag(FieldTag):
    """The tag where marks are wanted."""

    def printed(self, words: list[nodes.Expr], line: int) -> nodes.Node | list[nodes.Node]:
        """The mark, with the words as they are at that place."""
        return nodes.Output([self.call_method("mark", words)]).set_lineno(line)

    def mark(self, *words: object) -> str:
        """The mark of these words."""
        return mark_of(*words)


@dataclass(frozen=True, slots=True)
class Origins:
    """Of the lines of one text: `lines` are those, from 1 and in order, from which on each of `origins` counts."""

    lines: Sequence[int] = ()
    origins: Sequence[Origin] = ()

    def at(self, line: int) -> Origin | None:
        """What a line comes from; None for what is the same in every pool."""
        place = bisect_right(self.lines, line)
        return self.origins[place - 1] if place else None


def unmarked(text: str) -> tuple[str, Origins]:
    """A marked text without its marks, and what they say."""
    lines: list[int] = []
    origins: list[Origin] = []
    pieces: list[str] = []
    line, end = 1, 0
    for match in _MARK.finditer(text):
        piece = text[end : match.start()]
        pieces.append(piece)
        line += piece.count("\n")
        lines.append(line)
        origins.append(tuple(match[1].split(_BETWEEN)))
        end = match.end()
    return "".join([*pieces, text[end:]]), Origins(lines, origins)


Places = Mapping[str, Origins]
"""Of all texts of a configuration, by file."""
