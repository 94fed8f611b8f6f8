"""The cookies in a header of a request, as HAProxy reads them. Pure.

RFC 6265, and what came before it: cookies are separated by `;` or `,`, a value may be in quotes, and its quotes belong
to it.
"""

import re
from collections.abc import Iterator

_COOKIE = re.compile(r'(?P<name>[^=;,]*)(?:=(?P<value>(?:"(?:[^"\\]|\\.)*"?|[^";,])*))?[;,]?')


def cookie_values(line: str, name: str) -> Iterator[str]:
    """What each cookie of this name says, with case."""
    for match in _COOKIE.finditer(line):
        if match["value"] is not None and match["name"].strip() == name:
            yield match["value"].strip()
