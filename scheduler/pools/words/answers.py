"""What HAProxy may be told to answer with. Pure."""

import re
import unicodedata

#: The statuses with which HAProxy answers itself.
ERROR_STATUSES = (400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504)
LONGEST_PAGE = 8000
"""Bytes: with its headers it has to fit into one buffer of 16 kB."""

_TYPE = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+*-]{1,64}")
_CONTENT_TYPE = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}(; ?charset=[A-Za-z0-9-]{1,32})?")


def media_type(text: str) -> str | None:
    """The rule that a type of answers breaks, the end of a sentence."""
    return None if _TYPE.fullmatch(text) else "must be a type such as text/html or text/*"


def content_type(text: str) -> str | None:
    """The rule that the type of a page breaks, the end of a sentence."""
    return None if _CONTENT_TYPE.fullmatch(text) else "must be a type such as text/html; charset=utf-8"


def page_content(text: str) -> str | None:
    """The rule that the content of a page breaks, the end of a sentence."""
    # Control characters, halves of characters, and what ends lines in some readers only.
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text if char not in "\t\r\n"):
        return "must not hold control characters"
    if len(text.encode()) > LONGEST_PAGE:
        return f"must not be longer than {LONGEST_PAGE} bytes"
    return None if text.strip() else "must not be empty"
