"""HTTP requests and answers as values, and what libprocess makes of them: errors, JSON and JSONP, gzip, path lookup.

Knows no endpoint and no socket; `sdk.local.web` carries these values over the wire.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from sdk.local.core.outputs import Answer, Output
from sdk.local.core.pieces import encode as encode
from sdk.local.core.pieces import is_large, pieces

_GZIP_FROM = 1024
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; header names are lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def asked(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. With `stream` its body is the events of that stream, from now until it is closed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: str | None = None
    outputs: tuple[Output, ...] = ()
    pieces: Iterator[bytes] | None = None
    """The body of a large answer; it is packed as the headers say."""


class Refusal(Exception):
    """Carries the answer to a request that is not looked at any further."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.decode(errors="replace"))
        self.reply = reply


def plain(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    """A plain-text answer; an empty one has a content type only if it is an error, as with Mesos."""
    if not message and status < 400:
        return Reply(status=status, headers=headers or {})
    body = message.encode(errors="replace")
    return Reply(status=status, headers={"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, body=body)


def document(request: Request, value: Any) -> Reply:
    """A JSON answer: as JSONP when the request names a function, packed when it accepts that and it is worth it."""
    function = request.asked("jsonp")
    if not function and is_large(value):
        packed = {"Content-Encoding": "gzip"} if "gzip" in request.headers.get("accept-encoding", "") else {}
        return Reply(status=200, headers={"Content-Type": "application/json"} | packed, pieces=pieces(value))
    body = encode(value)
    if function:
        return Reply(
            status=200, headers={"Content-Type": "text/javascript"}, body=function.encode() + b"(" + body + b")"
        )
    headers = {"Content-Type": "application/json"}
    if len(body) > _GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        return Reply(status=200, headers=headers | {"Content-Encoding": "gzip"}, body=gzip.compress(body, mtime=0))
    return Reply(status=200, headers=headers, body=body)


def of_answer(answer: Answer) -> Reply:
    """The HTTP side of what a core says to a call."""
    if answer.body is not None:
        headers = {"Content-Type": "application/json"}
        if is_large(answer.body):
            return Reply(status=answer.status, headers=headers, outputs=answer.outputs, pieces=pieces(answer.body))
        return Reply(status=answer.status, headers=headers, body=encode(answer.body), outputs=answer.outputs)
    return replace(plain(answer.status, answer.text), outputs=answer.outputs)


def only(method: str, *allowed: str) -> None:
    """Refuse every method but these."""
    if method not in allowed:
        expected = ", ".join(f"'{name}'" for name in allowed)
        message = f"405 Method Not Allowed. Expecting one of {{ {expected} }}, but received '{method}'."
        raise Refusal(plain(405, message, {"Allow": ", ".join(allowed)}))


def json_body(request: Request) -> Any:
    """The parsed body; refuses with the answer that Mesos gives to what it cannot take."""
    kind = request.headers.get("content-type")
    if kind is None:
        raise Refusal(plain(400, "Expecting 'Content-Type' to be present"))
    if kind == "application/x-protobuf":
        raise Refusal(plain(400, "Failed to parse body into Call protobuf"))
    if kind != "application/json":
        raise Refusal(plain(415, "Expecting 'Content-Type' of application/json or application/x-protobuf"))
    accept = request.headers.get("accept") or "*/*"
    if not any(item in accept for item in ("application/json", "*/*", "application/*")):
        raise Refusal(plain(406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"))
    return load(request.body)


def value_of(raw: bytes | str) -> Any:
    """The value of a JSON text; ValueError for what is none, and for what is nested so deeply that it could not be
    shown again.
    """
    try:
        value = json.loads(raw)
    except RecursionError:
        raise TooDeep from None
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(_MAX_DEPTH):
        if not level:
            return value
        level = [
            part
            for item in level
            for part in (item.values() if isinstance(item, dict) else item)
            if isinstance(part, (dict, list))
        ]
    raise TooDeep


class TooDeep(ValueError):
    """Values within values within values, and so on."""

    def __init__(self) -> None:
        super().__init__(f"nested more than {_MAX_DEPTH} deep")


def load(raw: bytes) -> Any:
    """The value of a JSON text; refuses what is none or nested too deeply."""
    try:
        return value_of(raw)
    except TooDeep as error:
        raise Refusal(plain(400, f"Failed to parse body into JSON: {error}")) from None
    except ValueError:
        raise Refusal(plain(400, f"Failed to parse body into JSON: {syntax_error(raw)}")) from None


def syntax_error(raw: bytes) -> str:
    """What picojson says about text that is not JSON: where it stopped reading."""
    given = raw.decode(errors="replace")
    try:
        json.loads(given)
        position = 0
    except json.JSONDecodeError as error:
        position = error.pos
    except (ValueError, RecursionError):
        position = 0
    line = given.count("\n", 0, position) + 1
    near = given[position:].split("\n", 1)[0][:40].rstrip("}]")
    return f"syntax error at line {line} near: {near}"


def form(request: Request) -> dict[str, str]:
    """The fields of a form in the body; later ones win."""
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))


def lookup(path: str, known: Iterable[str], prefix: str) -> str | None:
    """The endpoint that serves a path: the longest of the known names that the path starts with, as in libprocess.

    Every endpoint also answers below `prefix`. A name only matches whole components, but for a directory's children:
    `/api/v1/schedulerx` is served by `/api/v1`.
    """
    names = set(known)
    path = path.rstrip("/") or "/"
    if path.startswith(prefix + "/"):
        path = path[len(prefix) :]
    elif path == prefix:
        path = "/"
    while path:
        if path in names:
            return path
        path = path.rpartition("/")[0]
    return None
