"""What a pool may say of the cookie by which clients stay with a server: `rewriteHttp.sticky.customStr`. Pure.

Knows the words behind `cookie` in HAProxy 2.6 and later. Values of cookies are always made by HAProxy itself, of a
server's address and a key: files of the product, whose servers had values of their own, need not say so.
"""

import re
from collections.abc import Mapping

from sdk.net.names import is_host

LONGEST = 512

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NONE = re.compile("")
# In seconds, and no longer than 27 years: HAProxy counts them in 32 bits.
_TIME = re.compile(r"[1-9][0-9]{0,7}s?|[1-9][0-9]{0,5}m|[1-9][0-9]{0,4}h|[1-9][0-9]{0,3}d")
_MODES = ("insert", "rewrite", "prefix")
_DYNAMIC = "dynamic"
_WORDS: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(_MODES, _NONE),
    "indirect": _NONE,
    "nocache": _NONE,
    "postonly": _NONE,
    "preserve": _NONE,
    "httponly": _NONE,
    "secure": _NONE,
    _DYNAMIC: _NONE,
    # Browsers take no cookie for a name without a dot.
    "domain": re.compile(r"[A-Za-z0-9.-]{0,250}\.[A-Za-z0-9-]{1,63}"),
    "maxidle": _TIME,
    "maxlife": _TIME,
    "attr": re.compile(r"[A-Za-z][A-Za-z-]{0,63}(=[A-Za-z0-9_./-]{1,128})?"),
}
#: These mean something only where HAProxy makes the cookie itself.
_OF_INSERT = ("indirect", "maxidle", "maxlife", "preserve")


def cookie_problem(text: str) -> str | None:
    """The rule that the text breaks."""
    if len(text) > LONGEST:
        return f"must not be longer than {LONGEST} characters"
    if not text.isascii() or not text.isprintable():
        return "must hold only words of ASCII, separated by spaces"
    name, *words = _split(text) or [""]
    if not _NAME.fullmatch(name):
        return "must begin with the name of a cookie, of letters, digits, _ . and -"
    given: set[str] = set()
    while words:
        word = words.pop(0)
        rule = _WORDS.get(word)
        if rule is None:
            return f"{word[:40]} is not supported; known are {', '.join(_WORDS)}"
        given.add(word)
        if rule is _NONE:
            continue
        value = words.pop(0) if words else ""
        if not rule.fullmatch(value) or (word == "domain" and not is_host(value.removeprefix("."))):
            return f"{word} cannot be followed by {value[:40]!r}"
    return _mode_problem(given)


def _mode_problem(given: set[str]) -> str | None:
    modes = [mode for mode in _MODES if mode in given]
    if len(modes) != 1:
        return f"must hold one of {', '.join(_MODES)}: they say who makes the cookie"
    misplaced = [word for word in _OF_INSERT if word in given]
    if modes != ["insert"] and misplaced:
        return f"{misplaced[0]} needs insert"
    return None


def cookie_words(text: str) -> str:
    """The words behind `cookie`, of a text that breaks no rule."""
    words = _split(text)
    return " ".join(words if _DYNAMIC in words[1:] else [*words, _DYNAMIC])


def _split(text: str) -> list[str]:
    """The words from the name on; the keyword may stand before it."""
    words = text.split()
    return words[1:] if words[:1] == ["cookie"] and len(words) > 1 and words[1] not in _WORDS else words
