"""A line of HAProxy's configuration without what is nobody else's business. Pure.

Knows words of HAProxy behind which passwords, their hashes, keys and credentials stand, in lines of ours and in those
that a pool has in HAProxy's own words. What somebody hides elsewhere is not found.
"""

import re
from collections.abc import Iterator, Sequence

HIDDEN = "<hidden>"

# A word of HAProxy's, in which quoted pieces may stand; a quote that is never closed is part of one, too. Nothing is
# tried in two ways: a line of any length takes time in proportion.
_WORD = re.compile(r"""(?x) (?: \\. | ' (?> [^']* ) ' | " (?> (?: \\. | [^"\\] )* ) " | \S )++""")
_SECRET = re.compile(r"auth|cookie|token|secret|passw|pwd|key|credential|session", re.IGNORECASE)
_HEADERS = frozenset({"http-request", "http-response", "http-after-response"})
_CHANGES = frozenset({"set-header", "add-header", "replace-header", "replace-value"})
# What somebody has sent under a name, as a condition compares it.
_FETCHED = re.compile(
    r"(?:req\.|res\.)?(?:f?hdr|shdr|cook|scook|urlp|url_param)(?:_[a-z]+)?\((?P<name>[^)\]]*)\)[^\]]*"
)


def redacted(line: str) -> str:
    """The line, with <hidden> where something was."""
    words = [*_WORD.finditer(line)]
    pieces, end = [], 0
    for first, last in _hidden([word[0].lower() for word in words]):
        pieces += [line[end : words[first].start()], HIDDEN]
        end = words[last].end()
    return "".join([*pieces, line[end:]])


def _hidden(told: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last word of what is hidden, from the left to the right."""
    begin = _rest(told)
    end = len(told) if begin is None else begin
    for at in range(end):
        if told[at] == "hdr" and at + 2 < end and _SECRET.search(told[at + 1]):  # in a check or an answer
            yield at + 2, at + 2
        elif (match := _FETCHED.fullmatch(told[at])) is not None and _SECRET.search(match["name"]):
            yield from _compared(told, at + 1, end)
    if end < len(told):
        yield end, len(told) - 1


def _compared(told: Sequence[str], at: int, end: int) -> Iterator[tuple[int, int]]:
    """What is behind a fetch that begins a condition: flags stay."""
    while at < end and told[at].startswith("-"):
        at += 2 if told[at] == "-m" else 1
    last = at
    while last < end and told[last] != "}":
        last += 1
    if last > at:
        yield at, last - 1


def _rest(told: Sequence[str]) -> int | None:
    """From which word on all is hidden, None: from none."""
    match told:
        case ["user", _, "password" | "insecure-password", *_]:  # of a userlist
            return 3
        case ["dynamic-cookie-key", *_]:  # who has it makes a server's cookie
            return 1
        case ["stats", "auth", *_]:
            return 2
        case ["setenv" | "presetenv", name, *_] if _SECRET.search(name):
            return 2
        case [rules, change, name, *_] if rules in _HEADERS and change in _CHANGES and _SECRET.search(name):
            return 3
        case ["option", "httpchk", *words] if _SECRET.search(" ".join(words)):  # headers behind the version
            return 2
        case ["tcp-check", send, *words] if send.startswith("send") and _SECRET.search(" ".join(words)):
            return 2
    return None
