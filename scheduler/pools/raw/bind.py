"""What a pool may say of how a frontend listens, in HAProxy's own words: `bindModifier`.

Knows the options of a `bind` line, in HAProxy 2.6 and later, that touch this listener alone, and what may follow each.
"""

import re
from collections.abc import Mapping

from scheduler.pools.raw.words import BadWords, read_words

_NONE = re.compile("")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_TIME = re.compile(r"[1-9][0-9]{0,8}(ms)?|[1-9][0-9]{0,5}s|[1-9][0-9]{0,3}m|[1-9][0-9]?h")
_PROTOCOLS = re.compile(r"[a-z0-9./]{1,16}(,[a-z0-9./]{1,16}){0,7}")
_CIPHERS = re.compile(r"[A-Za-z0-9_.:@+!=-]{1,900}")
_VERSION = re.compile(r"SSLv3|TLSv1\.[0-3]")

_OPTIONS: Mapping[str, re.Pattern[str]] = {
    "accept-netscaler-cip": _NUMBER,
    "accept-proxy": _NONE,
    "alpn": _PROTOCOLS,
    "allow-0rtt": _NONE,
    "backlog": _NUMBER,
    "ciphers": _CIPHERS,
    "ciphersuites": _CIPHERS,
    "curves": _CIPHERS,
    "defer-accept": _NONE,
    "ecdhe": _CIPHERS,
    "force-sslv3": _NONE,
    "force-tlsv10": _NONE,
    "force-tlsv11": _NONE,
    "force-tlsv12": _NONE,
    "force-tlsv13": _NONE,
    "interface": re.compile(r"[A-Za-z0-9_.-]{1,15}"),
    "maxconn": _NUMBER,
    "mss": re.compile(r"-?[1-9][0-9]{0,4}"),
    "nice": re.compile(r"-?[0-9]{1,4}"),
    "no-ca-names": _NONE,
    "no-sslv3": _NONE,
    "no-tls-tickets": _NONE,
    "no-tlsv10": _NONE,
    "no-tlsv11": _NONE,
    "no-tlsv12": _NONE,
    "no-tlsv13": _NONE,
    "npn": _PROTOCOLS,
    "prefer-client-ciphers": _NONE,
    "proto": re.compile("h1|h2"),
    "ssl-max-ver": _VERSION,
    "ssl-min-ver": _VERSION,
    "strict-sni": _NONE,
    "tcp-ut": _TIME,
    "tfo": _NONE,
    "v4v6": _NONE,
    "v6only": _NONE,
    "verify": re.compile("none|optional|required"),
}
_ELSEWHERE = {
    "ca-file": "names a file of the agent",
    "crt": "is what certificates says",
    "crt-list": "is what certificates says",
    "name": "is chosen by the load balancer",
    "ssl": "is what protocol says",
}


def bind_problem(text: str) -> str | None:
    """The rule that the text breaks, the end of a sentence."""
    try:
        bind_words(text)
    except BadWords as error:
        return str(error)
    return None


def bind_words(text: str) -> tuple[str, ...]:
    """The words, none of which needs quotes; raises BadWords."""
    words = read_words(text)
    rest = list(words)
    while rest:
        option = rest.pop(0)
        value = _OPTIONS.get(option)
        if option in _ELSEWHERE:
            raise BadWords(f"must not hold {option}, which {_ELSEWHERE[option]}")
        if value is None:
            raise BadWords(f"must not hold {option[:40]!r}; known are {', '.join(_OPTIONS)}")
        if value is not _NONE:
            follower = rest.pop(0) if rest else ""
            if not value.fullmatch(follower):
                raise BadWords(f"holds {option}, which cannot be followed by {follower[:40]!r}")
    return words
