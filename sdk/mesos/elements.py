"""Cuts a JSON document that is too large to be held into the elements of its arrays, while its bytes come in.

Knows JSON's structure: the arrays that stand in the document's nested objects are taken apart, an array inside of an
element is part of the element. Holds one element and what has not been looked at; an element above the limit is left
out and counted. Does not know what elements mean, nor whether each is JSON all through: its brackets and strings have
to be, so that it has an end.

Looking at each character takes Python too long. So a stretch of an array is cut where its braces say that an element
ends, and msgspec says whether that was right; a brace within a string can make it wrong, and then the stretch is looked
at token by token. Where elements are wanted as messages, msgspec reads them in the same pass.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import msgspec

from sdk.mesos.recordio import MalformedStream

Path = tuple[str, ...]
"""The keys that lead to an array."""

#: As large as any message that Mesos' own protocol lets through.
MAX_ELEMENT_BYTES = 64 * 1024 * 1024
#: Of what is no element of an array.
_MAX_REST_BYTES = 1024 * 1024
#: Bytes are looked at in stretches: each look costs the same, however little is new.
_STRETCH = 256 * 1024
_LEAST_REACH = 4 * 1024

_SPACE = b" \t\r\n"
_TOKEN = re.compile(rb'\s*+(?:("(?:[^"\\]++|\\.)*+")|([{}\[\]:,])|([^\s"{}\[\]:,]++))', re.DOTALL)
_STRING_REST = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_UNTIL_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)

_many = msgspec.json.Decoder(list[msgspec.Raw])
_NO_FIT = (msgspec.MsgspecError, RecursionError, UnicodeError)


class Elements(NamedTuple):
    """Neighbours in the array at `path`, in the order in which they stand there; read as messages, or as they are."""

    path: Path
    raw: list[msgspec.Raw]
    messages: Sequence[msgspec.Struct] = ()


class ElementSplitter:
    """Bytes of one document in, elements of the arrays at `paths` out; others are left out.

    `kinds` are arrays whose elements are wanted as messages of that kind; neighbours of one that does not fit may come
    as they are, too.
    """

    def __init__(
        self,
        paths: Collection[Path],
        *,
        kinds: Mapping[Path, type[msgspec.Struct]] | None = None,
        limit: int = MAX_ELEMENT_BYTES,
        stretch: int = _STRETCH,
    ) -> None:
        self._paths = frozenset(paths)
        self._decoders = {path: _decoder(kind) for path, kind in (kinds or {}).items()}
        self._limit = limit
        self._stretch = stretch
        self._buffer = b""
        self._waiting: list[bytes] = []
        self._size = 0
        self._enough = stretch
        self._reach = stretch
        """So many bytes are believed to hold no string with a brace and no end of the array."""
        self._final = False
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._keys: list[str | None] = []
        """Of the objects around the present place: the key whose value is being read."""
        self._string = b""
        self._array: Path | None = None
        self._skip: _Skip | None = None
        self.too_large = 0
        """Elements that were left out because they are above the limit."""

    def feed(self, data: bytes) -> list[Elements]:
        """The elements that are complete, as far as they have been looked at; raises MalformedStream."""
        self._waiting.append(data)
        self._size += len(data)
        return self._look() if self._size >= self._enough else []

    def finish(self) -> tuple[list[Elements], bytes]:
        """The last elements, and the document with all of its arrays empty; raises MalformedStream."""
        self._final = True
        found = self._look()
        if self._array is not None or self._keys or self._skip is not None or self._buffer.strip(_SPACE):
            raise MalformedStream("a record is not JSON: it ends too early")
        return found, b"".join(self._rest)

    def _look(self) -> list[Elements]:
        buffer = b"".join((self._buffer, *self._waiting))
        self._waiting.clear()
        found: list[Elements] = []
        at = 0
        while at < len(buffer):
            if self._skip is not None:
                end = self._skip.end(buffer, at)
                if end is None:
                    at = self._skip.seen
                    break
                self._skip, at = None, end
            elif self._array is None:
                end = self._outside(buffer, at)
            else:
                end = self._inside(buffer, at, self._array, found)
            if end is None:
                break
            at = end
        self._buffer = buffer[at:]
        self._size = len(self._buffer)
        if self._size > self._limit and self._array is not None and self._skip is None:
            self.too_large += self._array in self._paths
            self._buffer = self._buffer[_past(self._buffer, 0, b",") :]
            self._skip = _Skip()
        # An element that grows is not looked at from its beginning with every piece.
        self._enough = self._size + max(self._stretch, self._size)
        return found

    # ------------------------------------------------------------ outside of arrays

    def _outside(self, buffer: bytes, at: int) -> int | None:
        """Take one token; None when it is not complete."""
        match = _TOKEN.match(buffer, at)
        if match is None or (match.end() == len(buffer) and match[3] and not self._final):
            if match is None and self._final and buffer[at:].strip(_SPACE):
                raise MalformedStream("a record is not JSON: it ends too early")
            if len(buffer) - at > _MAX_REST_BYTES:
                raise MalformedStream(f"a record holds more than {_MAX_REST_BYTES} bytes outside of its arrays")
            return len(buffer) if match is None and self._final else None
        token = match[0]
        self._keep(token)
        if match[1]:
            self._string = match[1]
        elif match[2] == b"{":
            self._keys.append(None)
        elif match[2] == b"}":
            if not self._keys:
                raise MalformedStream("a record is not JSON: a brace closes nothing")
            self._keys.pop()
        elif match[2] == b":" and self._keys:
            self._keys[-1] = _key(self._string)
        elif match[2] == b"[":
            self._array = tuple(key or "" for key in self._keys)
        return match.end()

    def _keep(self, token: bytes) -> None:
        self._rest.append(token)
        self._rest_bytes += len(token)
        if self._rest_bytes > _MAX_REST_BYTES:
            raise MalformedStream(f"a record holds more than {_MAX_REST_BYTES} bytes outside of its arrays")

    # ------------------------------------------------------------ in an array

    def _inside(self, buffer: bytes, at: int, path: Path, found: list[Elements]) -> int | None:
        """Take elements, or the end of the array; None when the next one is not complete."""
        at = _past(buffer, at, b",")
        if at == len(buffer):
            return at if not self._final else None
        if buffer[at : at + 1] == b"]":
            self._keep(b"]")
            self._array = None
            return at + 1
        while self._reach >= _LEAST_REACH and (end := _last_end(buffer, at, at + self._reach)) is not None:
            elements = self._read(b"[%b]" % buffer[at:end], path)
            if elements is None:
                self._reach //= 4
                continue
            if path in self._paths:
                found.append(elements)
            self._reach = min(self._stretch, self._reach * 2)
            return end
        if not self._final and len(buffer) - at < min(self._reach, self._stretch):
            return None  # most likely the element goes on in the next piece
        self._reach = 2 * _LEAST_REACH
        end = _Skip().end(buffer, at)
        if end is None:
            return None
        if path in self._paths:
            found.append(Elements(path, [msgspec.Raw(buffer[at:end])]))
        return end

    def _read(self, stretch: bytes, path: Path) -> Elements | None:
        """The elements in a stretch; None when it is not cut where elements end."""
        decoder = self._decoders.get(path)
        if decoder is not None:
            with suppress(*_NO_FIT):  # it may be cut well all the same
                return Elements(path, [], decoder.decode(stretch))
        try:
            return Elements(path, _many.decode(stretch))
        except _NO_FIT:
            return None


class _Skip:
    """Finds the end of one value of which nothing is kept but where its brackets stand, over any number of pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._begun = False
        self.seen = 0
        """Where to go on, in the bytes of the last call."""

    def end(self, buffer: bytes, at: int) -> int | None:
        """Just after the value; None when it goes on, and then the next call gets the bytes from `seen` on."""
        while True:
            self.seen = at
            if self._in_string:
                at = _end_of(_STRING_REST, buffer, at)
                if buffer[at : at + 1] != b'"':
                    self.seen = at  # perhaps before a backslash that is the last byte
                    return None
                self._in_string, at = False, at + 1
                continue
            if not self._begun:
                at = _past(buffer, at, b"")
            elif self._depth:
                at = _end_of(_UNTIL_BRACKET, buffer, at)
            if self._begun and not self._depth:
                return at
            if at == len(buffer):
                self.seen = at
                return None
            match buffer[at : at + 1]:
                case b'"':
                    self._in_string = True
                case b"{" | b"[":
                    self._depth += 1
                case b"}" | b"]":
                    self._depth -= 1
                case _:
                    return self._scalar(buffer, at)
            self._begun = True
            at += 1

    def _scalar(self, buffer: bytes, at: int) -> int | None:
        match = _TOKEN.match(buffer, at)
        if match is None or match[2] is not None:
            raise MalformedStream(f"a record is not JSON: {buffer[at : at + 20]!r} stands in an array")
        return match.end() if match.end() < len(buffer) else None


@cache
def _decoder(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[list[msgspec.Struct]]:
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type] # it is a value here


def _last_end(buffer: bytes, at: int, most: int) -> int | None:
    """Where the last element ends before `most`, if no string has a brace in it and the array goes on."""
    end = min(len(buffer), most)
    depth = buffer.count(b"{", at, end) - buffer.count(b"}", at, end)
    while True:
        brace = buffer.rfind(b"}", at, end)
        if brace < 0:
            return None
        depth -= buffer.count(b"{", brace, end)
        if depth == 0:
            return brace + 1
        depth += 1
        end = brace


def _past(buffer: bytes, at: int, also: bytes) -> int:
    while at < len(buffer) and buffer[at] in _SPACE + also:
        at += 1
    return at


def _end_of(pattern: re.Pattern[bytes], buffer: bytes, at: int) -> int:
    match = pattern.match(buffer, at)
    return at if match is None else match.end()


def _key(string: bytes) -> str:
    try:
        return msgspec.json.decode(string, type=str)
    except (msgspec.MsgspecError, UnicodeError):
        return ""
