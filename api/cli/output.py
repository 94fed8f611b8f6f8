"""What the command line prints: data to stdout, talk to stderr, colour only for eyes."""

import json
import os
import sys
from collections.abc import Sequence

import click

Cell = str | Sequence[str]
"""A cell; several lines stand one above the other."""

_COLOURS = {
    "ready": "green",
    "ok": "green",
    "degraded": "red",
    "deploying": "yellow",
    "pending": "yellow",
    "removing": "yellow",
    "warn": "yellow",
    "rejected": "red",
    "unknown": "red",
    "fail": "red",
}


def data(text: str) -> None:
    """Something asked for, to stdout."""
    click.echo(text)


def data_json(value: object) -> None:
    """JSON for scripts, to stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def talk(text: str) -> None:
    """Something for people, to stderr."""
    click.echo(text, err=True)


def coloured(word: str) -> str:
    """The word in its colour when stdout is a terminal and NO_COLOR (no-color.org) is not set."""
    colour = _COLOURS.get(word)
    if colour is None or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return word
    return click.style(word, fg=colour)


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Columns aligned at the left, two spaces apart, no trailing space."""
    blocks = [[[cell] if isinstance(cell, str) else list(cell) for cell in row] for row in rows]
    lines = [list(header)]
    for block in blocks:
        for index in range(max((len(cell) for cell in block), default=0) or 1):
            lines.append([cell[index] if index < len(cell) else "" for cell in block])
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
