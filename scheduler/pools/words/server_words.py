"""What a pool may say of its servers in HAProxy's own words: `endpoint.miscStr` and `endpoint.check.customStr`. Pure.

Knows the options of a server, in HAProxy 2.6 and later, that can be given at run time as well as in a file, and what
may follow each. Others are refused: files of the agent, what other fields say, what only a reload could bring.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from sdk.net.names import is_host

LONGEST = 512
WEIGHT = "weight"

_NONE = re.compile("")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_COUNT = re.compile(r"[1-9][0-9]{0,2}")
# No longer than HAProxy's clock: about 24 days.
_TIME = re.compile(r"[1-9][0-9]{0,8}(ms)?|[1-9][0-9]{0,5}s|[1-9][0-9]{0,3}m|[1-9][0-9]?h")
_PORT = re.compile(r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]")
_WEIGHT = re.compile(r"[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-6]")
_IPV4 = re.compile(r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}")
_PROTOCOLS = re.compile(r"h2|http/1\.1|h2,http/1\.1|http/1\.1,h2")
_VERSIONS = re.compile(r"TLSv1\.[23]")

#: The options of a check.
CHECK: Mapping[str, re.Pattern[str]] = {
    "addr": _IPV4,
    "check-send-proxy": _NONE,
    "check-sni": re.compile(r"[A-Za-z0-9_.-]{1,253}"),
    "check-ssl": _NONE,
    "downinter": _TIME,
    "error-limit": _NUMBER,
    "fall": _COUNT,
    "fastinter": _TIME,
    "inter": _TIME,
    "observe": re.compile("layer[47]"),
    "on-error": re.compile("fastinter|fail-check|sudden-death|mark-down"),
    "on-marked-down": re.compile("shutdown-sessions"),
    "on-marked-up": re.compile("shutdown-backup-sessions"),
    "port": _PORT,
    "rise": _COUNT,
    "verify": re.compile("none"),
}
#: The options of a server.
SERVER: Mapping[str, re.Pattern[str]] = {
    **CHECK,
    "alpn": _PROTOCOLS,
    "backup": _NONE,
    "maxconn": _NUMBER,
    "maxqueue": _NUMBER,
    "minconn": _NUMBER,
    "no-ssl-reuse": _NONE,
    "no-tls-tickets": _NONE,
    "pool-max-conn": _NUMBER,
    "pool-purge-delay": _TIME,
    "proto": re.compile("h2"),
    "send-proxy": _NONE,
    "send-proxy-v2": _NONE,
    "slowstart": _TIME,
    "ssl": _NONE,
    "ssl-max-ver": _VERSIONS,
    "ssl-min-ver": _VERSIONS,
    WEIGHT: _WEIGHT,
}
#: Those behind which certificates of servers are not verified.
UNVERIFIED = frozenset({"ssl", "check-ssl", "verify"})
_NEED_HTTP = frozenset({"alpn", "proto"})
_ELSEWHERE = {
    "check": "is what endpoint.check.enabled says",
    "no-check": "is what endpoint.check.enabled says",
    "cookie": "belongs to the backend's stickiness",
    "disabled": "would never be used; remove the service",
    "id": "is chosen by the load balancer",
}


class ServerWords(NamedTuple):
    """The words of a server's line, and the weight among them."""

    words: str = ""
    weight: int | None = None


def misc_problem(text: str) -> str | None:
    """The rule that `endpoint.miscStr` breaks."""
    return _problem(text, SERVER)


def check_problem(text: str) -> str | None:
    """The rule that `endpoint.check.customStr` breaks."""
    return _problem(text, CHECK)


def needs_http(text: str) -> bool:
    """Whether words of `endpoint.miscStr` mean something for HTTP alone."""
    return not _NEED_HTTP.isdisjoint(text.split())


def server_words(misc: str, check: str) -> ServerWords:
    """Of texts that break no rule; of two options of a kind in one text HAProxy takes the last.

    Whatever HAProxy understands by itself in a file, and not of a server that comes at run time, is among the words.
    """
    weight = None
    words: list[str] = []
    for option, value in [*_options(check, CHECK), *_options(misc, SERVER)]:
        if option == WEIGHT:
            weight = int(value)
        else:
            words += [option, value] if value else [option]
    if UNVERIFIED & set(words) and "verify" not in words:
        words += ["verify", "none"]  # HAProxy refuses to verify without saying by what
    if "ssl" in words and "check-ssl" not in words:
        words.append("check-ssl")
    # A check at another port is one of something else.
    elsewhere = {"addr", "port", "check-send-proxy"}
    if {"send-proxy", "send-proxy-v2"} & set(words) and elsewhere.isdisjoint(words):
        words.append("check-send-proxy")
    return ServerWords(" ".join(words), weight)


def _options(text: str, known: Mapping[str, re.Pattern[str]]) -> list[tuple[str, str]]:
    words = text.split()
    found = []
    while words:
        option = words.pop(0)
        found.append((option, "" if known[option] is _NONE else words.pop(0)))
    return found


def _problem(text: str, known: Mapping[str, re.Pattern[str]]) -> str | None:
    if len(text) > LONGEST:
        return f"must not be longer than {LONGEST} characters"
    if not text.isascii() or not text.isprintable():
        return "must hold only words of ASCII, separated by spaces"
    words = text.split()
    while words:
        option = words.pop(0)
        rule = known.get(option)
        if rule is None:
            if option in _ELSEWHERE:
                return f"{option} {_ELSEWHERE[option]}"
            return f"{option[:40]} is not supported; known are {', '.join(known)}"
        if rule is _NONE:
            continue
        value = words.pop(0) if words else ""
        if not rule.fullmatch(value) or (option == "check-sni" and not is_host(value)):
            return f"{option} cannot be followed by {value[:40]!r}"
    return None
