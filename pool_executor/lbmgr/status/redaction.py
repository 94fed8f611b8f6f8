"""A line of HAProxy's configuration without what is nobody else's business. Pure.

Knows words of HAProxy behind which passwords, their hashes, keys and credentials stand, in lines of ours and in those
that a pool has in HAProxy's own words. What somebody hides elsewhere is not found.
"""

import re

HIDDEN = "<hidden>"

_REST = re.compile(
    r"""(?x)
    ^(\s*
      (?: user \s+ \S+ \s+ (?:insecure-)?password            # userlist
        | dynamic-cookie-key                                 # who has it makes a server's cookie
        | stats \s+ auth
        | (?: http-request | http-response | http-after-response ) \s+
          (?: set-header | add-header | replace-header | replace-value ) \s+ \S*
          (?: authorization | cookie | token | secret | passw | key | credential | session ) \S*
      )
      \s+ )
    \S.*$
    """,
    re.IGNORECASE,
)
_HEADER_OF_CHECK = re.compile(
    r"""(?xi)
    ( \b hdr \s+ \S* (?: authorization | cookie | token | secret | passw | key | credential | session ) \S* \s+ )
    (?: ' [^']* ' | " (?: \\. | [^"\\] )* " | (?: \\. | \S )+ )
    """
)


def redacted(line: str) -> str:
    """The line, with <hidden> where something was."""
    return _HEADER_OF_CHECK.sub(rf"\1{HIDDEN}", _REST.sub(rf"\1{HIDDEN}", line))
