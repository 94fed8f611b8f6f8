"""Rules for single texts of a pool: names, addresses, hosts, paths, selectors, balance algorithms.

Each rule is a function from the text to the rule it breaks (the end of a sentence), or None. The reason behind them is
the same: these texts end up in ZooKeeper paths, Mesos labels and HAProxy's configuration, where a line break, a quote,
a backslash, `$` or a space would change the meaning of what stands around them.
"""

import ipaddress
import re

from scheduler.pools.patterns import MAX_PATTERN

POOL_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
LINK_NAME = r"^[a-zA-Z0-9:_.-]*$"

_POOL_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LINK_NAME = re.compile(r"[a-zA-Z0-9:_.-]+")
_HOST_NAME = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]*[a-zA-Z0-9_])?)*\.?")
_HOST_EQ = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?(:[0-9]{1,5})?")
_PATH = re.compile(r"/[A-Za-z0-9._~!&()*+,;=:@%/-]*")
_ROLE = re.compile(r"\*|[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_BALANCE = re.compile(
    r"roundrobin|static-rr|leastconn|first|source"
    r"|uri( whole| path-only| len [0-9]{1,5}| depth [0-9]{1,5})*"
    r"|url_param [A-Za-z0-9_.-]{1,64}( check_post)?"
    r"|hdr\([A-Za-z0-9_-]{1,64}\)( use_domain_only)?"
    r"|random(\([1-9][0-9]{0,2}\))?"
    r"|rdp-cookie(\([A-Za-z0-9_-]{1,64}\))?"
)
_HTTP_BALANCE = re.compile(r"uri|url_param|hdr")
_QUOTING = frozenset("\"'\\`")


def _bounded(text: str, limit: int) -> str | None:
    return f"must not be longer than {limit} characters" if len(text) > limit else None


def pool_name(text: str) -> str | None:
    """The pool's name: one DNS label, since the instances are announced as `<pool>.pools.dcos-edgelb`."""
    return _bounded(text, 63) if _POOL_NAME.fullmatch(text) else f"did not match {POOL_NAME}"


def namespace(text: str) -> str | None:
    """Groups joined by `/`, each under the rule of pool names."""
    parts = text.strip("/").split("/")
    if not all(_POOL_NAME.fullmatch(part) for part in parts):
        return f"every part between slashes must match {POOL_NAME}"
    return _bounded(text, 256)


def package_name(text: str) -> str | None:
    """A package of the old product; kept, without effect."""
    return _bounded(text, 128) if _POOL_NAME.fullmatch(text) else f"did not match {POOL_NAME}"


def package_version(text: str) -> str | None:
    """A version of the old product; kept, without effect."""
    return _bounded(text, 64) if _VERSION.fullmatch(text) else "must be a version such as v1.7.0"


def role(text: str) -> str | None:
    """A Mesos role, possibly hierarchical, or `*`."""
    return _bounded(text, 128) if _ROLE.fullmatch(text) else "must be * or a Mesos role of letters, digits, _ . - and /"


def link_name(text: str) -> str | None:
    """Name of a frontend or backend."""
    return _bounded(text, 96) if _LINK_NAME.fullmatch(text) else f"did not match {LINK_NAME}"


def bind_address(text: str) -> str | None:
    """Address to listen on; it is part of a frontend's default name, hence no `*`, `[` and `]`."""
    return address(text) if _LINK_NAME.fullmatch(text) else "must be an IPv4 address or a host name"


def address(text: str) -> str | None:
    """An IPv4 address or DNS name of a server."""
    if len(text) > 253 or not _HOST_NAME.fullmatch(text):
        return "must be an IPv4 address or a host name"
    if re.fullmatch(r"[0-9.]+", text):
        try:
            ipaddress.IPv4Address(text)
        except ValueError:
            return "is not an IPv4 address"
    return None


def host_eq(text: str) -> str | None:
    """A host to compare with, lower case, perhaps with a port."""
    return (
        _bounded(text, 255)
        if _HOST_EQ.fullmatch(text)
        else "must be a host name in lower case, such as www.example.com"
    )


def path(text: str) -> str | None:
    """A URL path or its beginning."""
    if not text.startswith("/"):
        return "must begin with /"
    return (
        _bounded(text, 1024)
        if _PATH.fullmatch(text)
        else "must hold only characters of a URL path, without quotes, spaces and $"
    )


def plain(text: str) -> str | None:
    """An identifier chosen by somebody else: a task name, an app id, a port name."""
    if not text.isprintable():
        return "must not hold line breaks, control characters or lone surrogates"
    if any(char in _QUOTING for char in text):
        return "must not hold quotes or backslashes"
    return _bounded(text, 512)


def stored_pattern(text: str) -> str | None:
    """A selector's pattern as it may stand in a stored pool; whether it is one, patterns.py knows."""
    return _bounded(text, MAX_PATTERN)


def constraints_text(text: str) -> str | None:
    """Nothing but printable text; its meaning is parsed by constraints.py."""
    return None if text.isprintable() else "must not hold line breaks or control characters"


def balance(text: str) -> str | None:
    """A balance algorithm of HAProxy 2.6 with its arguments."""
    if _BALANCE.fullmatch(text):
        return None
    return (
        "must be one of roundrobin, static-rr, leastconn, first, source, uri, url_param <name>, hdr(<name>), random,"
        " rdp-cookie"
    )


def balance_needs_http(text: str) -> bool:
    """True for algorithms that look at the HTTP request."""
    return _HTTP_BALANCE.match(text) is not None
