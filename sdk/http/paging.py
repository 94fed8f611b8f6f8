"""Long lists in pages: `?limit=` says how many, `?after=` behind which one the page begins. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from sdk.http.errors import HttpError
from sdk.http.openapi import parameter

T = TypeVar("T")

USUAL = 100
MOST = 1000

PARAMETERS = (
    parameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST}, "How many at most."),
    parameter("after", {"type": "string"}, "The page begins behind this one: `next` of the page before."),
)


class Page(NamedTuple):
    """A part of a list."""

    items: Sequence[Any]
    next: str | None
    """Name of its last item where more follow."""


def page(items: Sequence[T], name: Callable[[T], str], query: Mapping[str, str], *, usual: int | None = USUAL) -> Page:
    """The part that the query asks for; `usual` is its length where the query has none, None for all that there are.

    Behind a name that is not there any more the list begins where it would stand, when it is in the order of names, and
    at its beginning otherwise. Raises HttpError (400).
    """
    limit, after = _limit(query.get("limit"), usual), query.get("after")
    start = 0
    if after is not None:
        names = [name(item) for item in items]
        if after in names:
            start = names.index(after) + 1
        elif names == sorted(names):
            start = sum(each <= after for each in names)
    end = len(items) if limit is None else start + limit
    found = items[start:end]
    return Page(found, name(found[-1]) if found and end < len(items) else None)


def _limit(given: str | None, usual: int | None) -> int | None:
    if given is None:
        return usual
    if not (given.isdecimal() and given.isascii() and len(given) < 10 and 1 <= int(given) <= MOST):
        raise HttpError(400, f"limit: {given[:40]!r} must be a whole number from 1 to {MOST}")
    return int(given)


def rest(found: Page) -> dict[str, str]:
    """What an answer says of the next page: nothing when there is none."""
    return {} if found.next is None else {"next": found.next}


def link(found: Page, query: Mapping[str, str]) -> str:
    """The header Link to the next page, relative to the present one."""
    asked = {"limit": query["limit"], "after": found.next or ""}
    return f'<?{urlencode(asked)}>; rel="next"'
