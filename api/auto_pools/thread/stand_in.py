"""Which text makes a pool while the stored one can be printed for none of what applications ask for. Pure.

A pool must not stop for a text. An operator expects of a new one that fails that the one before it goes on; of one that
worked and does not any more, that all it can still say holds, and what fails is as by default; but not that a pool
serves whom its text kept away. Does not know how texts are printed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from api.auto_pools.templates.language.meaning import Meaning

_LINE = re.compile(r"pool template line (\d+):")
_PROTECTS = re.compile(r"\b(?:basicAuth|bindAddress|clientCertificates|clients|limits)\b")
"""Fields that keep requests away."""
_CHOOSES = "tasks"
"""The block that says which applications take part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text of a pool template, empty for the default one; blocks in `without` are as by default all the same."""

    text: str
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why the stored text cannot be printed; `since` in epoch seconds."""

    why: str
    since: float


def line_of(why: str) -> int | None:
    """Of the text, where it is told."""
    found = _LINE.match(why)
    return int(found[1]) if found is not None else None


def stand_in(failed: Text, why: str, meaning: Meaning | None, *, stored: str, printed: str) -> Text | None:
    """What comes after `failed`, whose meaning is None where it could not be read; None: the pool stays as it is.

    `stored` is the text of the template, `printed` the last one of which a pool was stored, empty
    where that was the default one or none.
    """
    if not failed.text:
        return None
    if failed == Text(text=stored) and printed != stored:
        return Text(text=printed)
    if meaning is not None and meaning.whole and printed == failed.text:
        # Whatever else there is would be another pool, with other load balancers.
        return None
    left = meaning.printed - failed.without if meaning is not None else frozenset[str]()
    block = meaning.block_at(line_of(why) or 0) if meaning is not None else None
    without = frozenset({block}) if block in left else left
    if printed == failed.text and (_PROTECTS.search(failed.text) or _CHOOSES in without):
        return None
    if without:
        return Text(text=failed.text, without=failed.without | without)
    return Text(text="")


def words(serving: Text | None, fault: Fault, *, stored: str) -> str:
    """A sentence for people: what is wrong, since when, and what `serving` is instead."""
    if serving is None:
        instead = "no pool is made of it"
    elif serving.text == stored and not serving.without:
        instead = "the pool stays as it was"
    else:
        which = "its text" if serving.text == stored else "the text before it" if serving.text else "the default text"
        blocks = ", ".join(sorted(serving.without))
        without = f" without the block{'s' if len(serving.without) > 1 else ''} {blocks}" if blocks else ""
        instead = f"{which} serves{without}"
    return f"{fault.why} (since {_moment(fault.since)}; {instead})"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
