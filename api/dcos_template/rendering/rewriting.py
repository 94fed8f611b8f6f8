"""How an HTTP backend changes the host, the path and the `Location` of what it hands on. Pure.

Knows the documented meaning of `rewriteHttp.host` and `.path`, and regular expressions that every build of HAProxy
takes (POSIX, no groups without capture). Does not know the form of a configuration (backends.cfg.j2).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from scheduler.pools.words.texts import host_header, path
from sdk.errors import InvalidSpec

_SPECIAL = re.compile(r"([.()*+?\[\]{}^$|\\])")


class Replacement(NamedTuple):
    """What matches `pattern` becomes `text`. Neither holds a quote, a space or a variable."""

    pattern: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """What an HTTP backend changes, in the order of the fields; `""`, None and False mean that it does not."""

    host: str = ""
    """What servers are told as `Host`."""
    path: Replacement | None = None
    location_host: Replacement | None = None
    """Of a `Location` at the host that servers are told: the place on the host that the client asked."""
    location_path: Replacement | None = None
    """Of a `Location` without a host."""
    location_own: Replacement | None = None
    """Of a `Location` at the host that the client asked, which the configuration has to compare."""
    cookie_paths: tuple[Replacement, ...] = ()
    """Of a `Set-Cookie`, one after the other; of two no result of the first is met by the second."""


def rewriting(
    *,
    host: str,
    from_path: str,
    to_path: str,
    set_host: bool,
    rewrite_path: bool,
    rewrite_location: bool,
    rewrite_cookie_path: bool = False,
) -> Rewriting:
    """What these fields of a pool ask for; raises InvalidSpec for texts that the API would not take."""
    _check(host, host_header, "rewriteHttp.host")
    _check(from_path, path, "rewriteHttp.path.fromPath")
    _check(to_path, path, "rewriteHttp.path.toPath")
    other = bool(from_path) and from_path.rstrip("/") != to_path.rstrip("/")
    back = rewrite_location and other
    return Rewriting(
        host=host if set_host else "",
        path=_forth(from_path, to_path) if rewrite_path and from_path else None,
        location_host=_without_host(host) if rewrite_location and host else None,
        location_path=_back("", from_path, to_path) if back else None,
        location_own=_back("https?://[^/]*", from_path, to_path) if back else None,
        cookie_paths=_cookie_paths(from_path, to_path) if rewrite_cookie_path and other else (),
    )


def _check(text: str, rule: Callable[[str], str | None], field: str) -> None:
    if text and (problem := rule(text)):
        raise InvalidSpec(field, f"{text!r:.80} {problem}")


def _forth(from_path: str, to_path: str) -> Replacement:
    """A prefix ends where a segment does: `/nginx` is not the beginning of `/nginxfoo`."""
    found = _literal(from_path)
    if to_path in ("", "/"):
        # One slash, however many follow: a path that begins with two is read as a host by some servers.
        return (
            Replacement(f"^{found}/*(.*)$", r"/\1")
            if from_path.endswith("/")
            else Replacement(f"^{found}(/+(.*))?$", r"/\2")
        )
    rest = "(.*)" if from_path.endswith("/") else "(/.*)?"
    return Replacement(f"^{found}{rest}$", rf"{_text(to_path)}\1")


def _without_host(host: str) -> Replacement:
    """A place without a host is on the one that the client asked, by the scheme that it used.

    Slashes at its beginning become one: two would name another host.
    """
    name = host.partition(":")[0]
    return Replacement(f"^https?://{_literal(name)}(:[0-9]+)?(/+(.*))?$", r"/\3")


def _back(before: str, from_path: str, to_path: str) -> Replacement:
    """The opposite of `_forth`, behind something that stays as it is."""
    told, asked = to_path.rstrip("/"), from_path.rstrip("/")
    head, kept, at = (f"({before})", r"\1", 1) if before else ("", "", 0)
    if not asked:
        return Replacement(f"^{head}{_literal(told)}(/+(.*))?$", rf"{kept}/\{at + 2}")
    # Behind the root alone, two slashes are the beginning of a host.
    rest = "([/?#].*)?" if told else "(/([^/].*)?)"
    return Replacement(f"^{head}{_literal(told)}{rest}$", rf"{kept}{_text(asked)}\{at + 1}")


def _cookie_paths(from_path: str, to_path: str) -> tuple[Replacement, ...]:
    """A cookie of the path that servers know belongs to the one that clients know, with all below it."""
    told, asked = to_path.rstrip("/"), from_path.rstrip("/")
    head, found, text = "^(.*;[[:space:]]*[Pp][Aa][Tt][Hh]=)", _literal(told), _text(asked)
    if told and asked:
        return (Replacement(f"{head}{found}(/[^;]*)?(;.*)?$", rf"\1{text}\2\3"),)
    below = Replacement(f"{head}{found}(/[^;]+)(;.*)?$", rf"\1{text}\2\3")
    # A path with a slash at its end would not be met by the one without it, and an empty one is none.
    itself = Replacement(f"{head}{found}/?(;.*)?$", rf"\1{text or '/'}\2")
    return (itself, below) if told else (below, itself._replace(pattern=f"{head}/(;.*)?$"))


def _literal(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _text(text: str) -> str:
    # In a replacement HAProxy reads % as the beginning of a variable.
    return text.replace("%", "%%")
