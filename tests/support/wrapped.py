"""Markdown whose prose fits on a screen: `python -m tests.support.wrapped PAGE ...` rewrites pages so.

Paragraphs and list items with a line that is too long are filled anew; code, tables and headings stay as they are, and
nothing is broken within a code span or a link.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

WIDTH = 120
_START = re.compile(r"^(?P<indent>\s*)(?P<mark>[-*] |\d+\. |> )?")
_WORD = re.compile(r"(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+")


def wrapped(page: str) -> str:
    """The page with its long paragraphs filled."""
    result: list[str] = []
    paragraph: list[str] = []
    fenced = False
    for line in page.split("\n"):
        fence = line.lstrip().startswith("```")
        plain = fenced or fence or not line.strip() or line.startswith(("|", "#"))
        start = _START.match(line)
        if plain or (start is not None and start["mark"]):
            result += _filled(paragraph)
            paragraph = []
        if plain:
            result.append(line)
        else:
            paragraph.append(line)
        fenced ^= fence
    return "\n".join([*result, *_filled(paragraph)])


def _filled(paragraph: list[str]) -> Iterator[str]:
    if all(len(line) <= WIDTH for line in paragraph):
        yield from paragraph
        return
    start = _START.match(paragraph[0])
    assert start is not None, "the pattern matches everything"
    text = " ".join([paragraph[0][start.end() :], *(line.strip() for line in paragraph[1:])])
    line, empty = start[0], True
    for word in _WORD.findall(text):
        if not empty and len(line) + 1 + len(word) > WIDTH:
            yield line
            line, empty = " " * start.end(), True
        line += word if empty else f" {word}"
        empty = False
    yield line


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(wrapped(Path(name).read_text()))
