"""How the servers of a backend are checked, in the words of `customCheck`. Pure.

Knows which of HAProxy's checks may be asked for, and how the request of an HTTP check is written in files of the
product, whose HAProxy took version and headers within one line (`GET /health HTTP/1.1\\r\\nHost:\\ www`). Does not know
the form of a configuration today.
"""

import re
from dataclasses import dataclass

LONGEST = 1024

_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH")
_PATH = re.compile(r"/[A-Za-z0-9._~!&()*+,;=:@%/?-]*")
_HEADER = re.compile(r"([A-Za-z0-9-]{1,64}):[ ]*([A-Za-z0-9._~!&()*+,;=:@%/? -]{0,256})")
_STATUSES = r"[1-5][0-9]{2}(-[1-5][0-9]{2})?(,[1-5][0-9]{2}(-[1-5][0-9]{2})?){0,9}"
_WORD = r"[A-Za-z0-9._~:/@+-]{1,256}"
#: What `customCheck.miscStr` may say.
_LINES = (
    re.compile(rf"http-check expect (! )?(status {_STATUSES}|string {_WORD})"),
    re.compile(rf"http-check expect status {_STATUSES}"),
    re.compile(r"option tcp-check"),
    re.compile(r"option redis-check"),
    re.compile(r"option ldap-check"),
    re.compile(r"option ssl-hello-chk"),
    re.compile(rf"option mysql-check( user {_WORD}( post-41)?)?"),
    re.compile(rf"option pgsql-check user {_WORD}"),
    re.compile(rf"option smtpchk( (HELO|EHLO) {_WORD})?"),
)
_KNOWN = (
    "http-check expect [!] status <codes>, http-check expect [!] string <word>, option tcp-check, option redis-check,"
    " option ldap-check, option ssl-hello-chk, option mysql-check [user <name> [post-41]],"
    " option pgsql-check user <name>, option smtpchk [HELO|EHLO <name>]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What an HTTP check asks for. Nothing in it holds a quote, a backslash, a variable or a line break."""

    method: str = "OPTIONS"
    path: str = "/"
    version: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def parse_request(text: str) -> HttpRequest | None:
    """The request of `customCheck.httpchkMiscStr`; None when it is none."""
    if len(text) > LONGEST:
        return None
    # Line breaks and spaces stand in it as HAProxy's escapes, or as they are.
    plain = text.replace("\\r", "\r").replace("\\n", "\n").replace("\\ ", " ")
    line, *lines = plain.strip(" \r\n").split("\r\n")
    words = line.split()
    if not words:
        return HttpRequest() if not text else None
    method = words.pop(0) if words[0] in _METHODS and len(words) > 1 else "OPTIONS"
    path, version = words[0], words[1] if len(words) > 1 else ""
    if len(words) > 2 or not _PATH.fullmatch(path) or version not in ("", "HTTP/1.0", "HTTP/1.1"):
        return None
    headers = []
    for one in lines:
        found = _HEADER.fullmatch(one)
        if found is None:
            return None
        headers.append((found[1], found[2].strip()))
    return HttpRequest(method=method, path=path, version=version, headers=tuple(headers))


def request_problem(text: str) -> str | None:
    """The rule that `customCheck.httpchkMiscStr` breaks."""
    if parse_request(text) is not None:
        return None
    return r"must be a request such as GET /health, perhaps with HTTP/1.1\r\nHost:\ app.example.com behind it"


def line_problem(text: str) -> str | None:
    """The rule that `customCheck.miscStr` breaks."""
    if any(line.fullmatch(text) for line in _LINES):
        return None
    return f"is not supported; known are {_KNOWN}"


def needs_http(text: str) -> bool:
    """Whether the line of `customCheck.miscStr` belongs to an HTTP check."""
    return text.startswith("http-check ")
