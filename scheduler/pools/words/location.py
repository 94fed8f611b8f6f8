"""Places to which clients are sent: `https://www.example.com/new`, or `/new` on the host that they asked. Pure.

They are the pool's own words. Nothing of a request comes into the host of one, so that nobody is led where a third one
wants it.
"""

import re

from scheduler.pools.words.texts import host_eq

_LONGEST = 1024
_CHARS = re.compile(r"[A-Za-z0-9._~!&()*+,;=:@%/?#\[\]-]+")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)([/?#].*)?")


def location_problem(text: str) -> str | None:
    """The rule that the place breaks, the end of a sentence."""
    if len(text) > _LONGEST:
        return f"must not be longer than {_LONGEST} characters"
    if not _CHARS.fullmatch(text):
        return "must hold only characters of a URL, without quotes, spaces and $"
    found = _ABSOLUTE.fullmatch(text)
    if found is not None:
        return None if host_eq(found[1].lower()) is None else "must name a host, as https://www.example.com/ does"
    # Browsers take what begins with two slashes for a host.
    if not text.startswith("/") or text.startswith("//"):
        return "must begin with https://, http:// or one /"
    return None


def prefix_problem(text: str) -> str | None:
    """The rule that a place breaks behind which the path of a request is to stand."""
    if problem := location_problem(text):
        return problem
    if "?" in text or "#" in text:
        return "must have no ? and no # where the path is kept, which stands behind it"
    return None if prefix(text) else "must be more than / where the path is kept: clients would be sent in a circle"


def prefix(text: str) -> str:
    """What stands before the path of a request, which begins with a slash."""
    return text.rstrip("/")
