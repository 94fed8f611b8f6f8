"""Map files as HAProxy reads them, and the one order that leads from one to another. Pure."""

import re
from collections.abc import Sequence

# Keys and values that HAProxy's command line takes as they are; others go into a payload, where nothing is special.
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_.:/@%+=~*,-]+")


def entries(text: str) -> list[str]:
    """The `key value` lines of a map file as HAProxy reads it: blank lines and lines that begin with # are left out."""
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def single_edit(old: Sequence[str], new: Sequence[str]) -> str | None:
    """One command, with `{map}` for the file, when the lists differ in one entry and their order stays; else None."""
    if abs(len(old) - len(new)) > 1:
        return None
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    gone, come = old[start : start + 1], new[start : start + 1]
    if len(new) > len(old):
        gone = []
    elif len(new) < len(old):
        come = []
    if list(old[start + len(gone) :]) != list(new[start + len(come) :]):
        return None
    keys = [line.split(None, 1)[0] for line in (*old, *come)]
    entry = [*gone, *come][0].split(None, 1)
    words = [word for line in (*gone, *come) for word in line.split(None, 1)]
    # Edits go by key: one that stands twice, or that the command line would read differently, needs the transaction.
    if len(words) != 2 * (len(gone) + len(come)) or not all(_PLAIN_WORD.fullmatch(word) for word in words):
        return None
    if keys.count(entry[0]) - (1 if gone and come and gone[0].split(None, 1)[0] == entry[0] else 0) != 1:
        return None
    if gone and come:
        key, value = come[0].split(None, 1)
        return f"set map {{map}} {key} {value}" if gone[0].split(None, 1)[0] == key else None
    if gone:
        return f"del map {{map}} {entry[0]}"
    # `add map` appends: only at the end of the file does the order stay.
    return f"add map {{map}} {entry[0]} {entry[1]}" if start == len(old) else None
