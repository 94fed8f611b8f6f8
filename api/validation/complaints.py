"""What HAProxy says against a configuration, as problems of the pool's fields. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator

from scheduler.pools.problems import Problem

# "parsing [30-backends-0a.cfg:12] : ..." of HAProxy 2.6 and 2.8.
_PLACE = re.compile(r"(?:parsing )?\[(?:[^\]\s]*/)?(?P<file>[^\]/\s]+):(?P<line>[0-9]+)\]\s*:?\s*")
_LONGEST = 400

Field = Callable[[str, int], str | None]
"""The path of the field that a line of a file comes from."""
Named = Callable[[str], str | None]
"""The path of what a message names."""


def problems(messages: Iterable[str], version: str, field: Field, named: Named) -> Iterator[Problem]:
    """One problem for each message that differs from those before it."""
    for message in dict.fromkeys(messages):
        path = complained_field(message, field, named) or "pool.haproxy"
        told = _PLACE.sub("", message).strip()[:_LONGEST]
        yield Problem(path=path, rule=f"HAProxy {version} refuses it: {told}")


def complained_field(message: str, field: Field, named: Named) -> str | None:
    """The path of the field that a message is about: of the line that it names, else of the section."""
    for match in _PLACE.finditer(message):
        if found := field(match["file"], int(match["line"])):
            return found
    return named(message)
