"""Which lines in HAProxy's words may stand in a frontend or a backend.

Left out is what reaches beyond the section: files, programs, sockets, other sections, other listeners and servers, the
environment; and what the load balancer itself says there.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise

from scheduler.pools.raw.words import BadWords, printed, read_words


class Place(StrEnum):
    """The kind of section that a line stands in."""

    FRONTEND = "frontend"
    BACKEND = "backend"


_BOTH = frozenset(
    {
        "acl", "description", "errorloc", "errorloc302", "errorloc303", "filter", "http-after-response", "http-error",
        "http-request", "http-response", "log", "log-tag", "no", "option", "redirect", "compression", "stick-table",
        "tcp-request", "timeout",
    }
)  # fmt: skip
_KEYWORDS: Mapping[Place, frozenset[str]] = {
    Place.FRONTEND: _BOTH
    | {
        "backlog", "capture", "clitcpka-cnt", "clitcpka-idle", "clitcpka-intvl", "declare", "error-log-format",
        "log-format", "log-format-sd", "maxconn", "monitor", "monitor-uri", "rate-limit", "unique-id-format",
        "unique-id-header", "use_backend",
    },
    Place.BACKEND: _BOTH
    | {
        "force-persist", "fullconn", "hash-balance-factor", "hash-type", "http-check",
        "http-reuse", "http-send-name-header", "ignore-persist", "max-keep-alive-queue", "max-session-srv-conns",
        "persist", "retries", "retry-on", "srvtcpka-cnt", "srvtcpka-idle", "srvtcpka-intvl", "stick", "tcp-check",
        "tcp-response",
    },
}  # fmt: skip
_ELSEWHERE: Mapping[str, str] = {
    "balance": "is what balance says",
    "cookie": "is what rewriteHttp.sticky says",
    "dynamic-cookie-key": "is what rewriteHttp.sticky says",
    "bind": "would listen elsewhere; give a frontend for it",
    "default-server": "is what endpoint.miscStr says",
    "default_backend": "is what linkBackend.defaultBackend says",
    "dispatch": "would send to another server; give an endpoint of type ADDRESS",
    "errorfile": "names a file of the agent; use http-error or errorPages",
    "mode": "is what protocol says",
    "server": "is what services say",
    "server-template": "is what services say",
    "stats": "would show or change statistics; they have a listener of their own, haproxy.stats",
}
_OPTIONS = {
    "external-check": "runs a program",
    "http_proxy": "would send wherever the client wants",
    "transparent": "would send wherever the client wants",
}
#: What may hold line breaks: what is sent to a server that is checked.
_CHECKS = frozenset({"http-check", "option", "tcp-check"})

#: Functions of expressions: `%[env(X)]`, `map_beg(file)`, `set-map(file)`, `lua.name`.
_REACHING = (
    (re.compile(r"(?<![\w.-])env\("), "reads the environment of the load balancer"),
    (re.compile(r"(?<![\w.-])map(_\w+)?\("), "reads a file"),
    # HAProxy looks at the beginning of the word only.
    (re.compile(r"^(add|del)-acl\(?|^(set|del)-map\(?"), "changes a file's entries"),
    (re.compile(r"(?<![\w.-])jwt_verify\("), "reads a file"),
    (re.compile(r"(?<![\w.-])lua\."), "calls a program"),
    (
        re.compile(r"(?<![\w.-])(set-var|set-var-fmt|unset-var)\([\s'\"\\]*proc\."),
        "changes a variable of the whole process",
    ),
    (re.compile(r"(?<![\w-])edgelb_"), "is a name of the load balancer itself"),
    (
        re.compile(r"^((stream|dgram)\+)?(abnsz?|fd|sockpair|unix|uxst|uxdg|ring|quic4|quic6|udp|udp4|udp6)@"),
        "names a socket",
    ),
)
#: What is followed by a file: in conditions, and in answers that HAProxy gives itself.
_LISTS = frozenset({"-f", "-M"})
_CONTENTS = frozenset({"errorfile", "errorfiles", "file", "lf-file"})
_ANSWERS = frozenset({"deny", "return", "tarpit"})
_FILTERS = frozenset({"compression", "bwlim-in", "bwlim-out"})
#: What a check connects to: a machine. A path would be a socket of the agent.
_MACHINE = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,253}")
_LOG_TARGET = re.compile(r"global|stdout|stderr|[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?")


def line_problem(text: str, place: Place) -> str | None:
    """The rule that the line breaks, the end of a sentence."""
    try:
        words = read_words(text)
    except BadWords as error:
        return str(error)
    return _words_problem(words, place)


def printed_line(text: str, place: Place) -> str:
    """The line as it stands in the configuration; raises BadWords when it may not stand there."""
    words = read_words(text)
    if problem := _words_problem(words, place):
        raise BadWords(problem)
    return printed(words)


def chosen_backends(texts: Iterable[str]) -> frozenset[str]:
    """The backends that lines of a frontend name; those that may not stand there name none."""
    lines = (read_words(text) for text in texts if line_problem(text, Place.FRONTEND) is None)
    return frozenset(words[1] for words in lines if words[0] == "use_backend" and len(words) > 1)


def _words_problem(words: tuple[str, ...], place: Place) -> str | None:
    keyword, *rest = words
    if keyword not in _KEYWORDS[place]:
        return _unknown(keyword, place)
    if keyword == "no" and rest[:1] not in (["log"], ["option"]):
        return "must not begin with no, but for no log and no option"
    about = rest[1:2] if keyword == "no" else rest[:1]
    if "option" in (keyword, *rest[:1]) and about and about[0] in _OPTIONS:
        return f"must not hold option {about[0]}, which {_OPTIONS[about[0]]}"
    if keyword == "filter" and about and about[0] not in _FILTERS:
        return f"must not hold this filter; known are {', '.join(sorted(_FILTERS))}"
    if keyword == "log" and about and not _LOG_TARGET.fullmatch(about[0]):
        return "must log to global, stdout, stderr or <host>:<port>"
    if rest[:1] == ["connect"] and (elsewhere := _no_machine(rest)) is not None:
        return f"must connect to an address or a name, not to {elsewhere[:40]!r}"
    if keyword not in _CHECKS and any("\n" in word or "\r" in word for word in words):
        return "must not hold line breaks, which would begin another header"
    answers = keyword == "http-error" or not _ANSWERS.isdisjoint(rest[:1])
    return _reaching(rest, _LISTS | _CONTENTS if answers else _LISTS)


def _no_machine(words: Sequence[str]) -> str | None:
    """The first word that stands where a machine is named, and names none."""
    named = (after for word, after in pairwise(words) if word in ("addr", "via-socks4"))
    return next((word for word in named if not _MACHINE.fullmatch(word)), None)


def _reaching(words: Iterable[str], before_files: Collection[str]) -> str | None:
    for word in words:
        if word in before_files:
            return f"must not hold {word}, which names a file of the agent"
        for pattern, what in _REACHING:
            if found := pattern.search(word):
                return f"must not hold {found[0]}, which {what}"
    return None


def _unknown(keyword: str, place: Place) -> str:
    if keyword in _ELSEWHERE:
        return f"must not begin with {keyword}, which {_ELSEWHERE[keyword]}"
    return f"must not begin with {keyword[:40]!r}; known in a {place} are {', '.join(sorted(_KEYWORDS[place]))}"
