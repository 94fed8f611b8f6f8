"""Names and values of headers and cookies that rules ask for. Pure.

As in texts.py, each is a function from the text to the rule that it breaks, or None.
"""

import re

from scheduler.pools.words.headers import header_value as any_header_value

#: Of headers, and of cookies, in one rule.
MOST = 4

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COOKIE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# RFC 6265, 4.1.1: what ends a value, or would have to be quoted, is none of it.
_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]{1,256}")
_LONGEST = 256
_ELSEWHERE = {"host": "is what hostEq, hostsEq and hostReg look at", "cookie": "is what cookies look at"}


def header(text: str) -> str | None:
    """Name of a header."""
    if not _NAME.fullmatch(text):
        return "must be a header of letters, digits, - and _, at most 64 of them"
    return _ELSEWHERE.get(text.lower())


def header_value(text: str) -> str | None:
    """What a header says."""
    return any_header_value(text) or (f"must not be longer than {_LONGEST}" if len(text) > _LONGEST else None)


def cookie(text: str) -> str | None:
    """Name of a cookie."""
    return None if _COOKIE.fullmatch(text) else "must be a cookie of letters, digits, _ . and -, at most 64 of them"


def cookie_value(text: str) -> str | None:
    """What a cookie says."""
    if _COOKIE_VALUE.fullmatch(text):
        return None
    return "must be what a cookie can say: ASCII without spaces, quotes, commas, ; and \\, at most 256 characters"
