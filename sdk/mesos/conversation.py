"""A private conversation of a framework and one of its executors, carried by Mesos' messages.

Mesos says reliably who an executor's message is from, but sends it in clear and may lose it. So both sides talk TLS
inside of messages: what is said can be read by the two alone. The executor begins, one question gets one answer, and
the conversation is over; whoever misses something begins a new one.

Knows how pieces are numbered and put together. Does not know what is said, nor when to begin again. The framework's
certificate is not checked: that only the framework can reach its executor is what Mesos' messages are trusted with.
"""

import enum
import os
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_HEAD = struct.Struct("!4sB16sI")
_MAGIC = b"talk"
_LENGTH = struct.Struct("!I")
MOST_PIECE = 128 * 1024
"""Bytes of a message at most."""
MOST_SAID = 24 * 1024 * 1024
"""Bytes of a question or an answer at most."""


class Kind(enum.IntEnum):
    """What a piece is."""

    BEGIN = 1
    """Framework to executor: please begin a conversation."""
    SAID = 2
    """Bytes of TLS, in either direction."""
    UNKNOWN = 3
    """Framework to executor: that conversation is not known here (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The data of one message."""

    kind: Kind
    conversation: bytes = bytes(16)
    number: int = 0
    """Counts the messages of one direction from 0."""
    data: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """As it travels."""
        return _HEAD.pack(_MAGIC, self.kind, self.conversation, self.number) + self.data


def decode(message: bytes) -> Piece | None:
    """The piece in a message; None when it holds none."""
    if len(message) < _HEAD.size or len(message) > 2 * MOST_PIECE:
        return None
    magic, kind, conversation, number = _HEAD.unpack_from(message)
    if magic != _MAGIC or kind not in Kind._value2member_map_:
        return None
    return Piece(kind=Kind(kind), conversation=conversation, number=number, data=message[_HEAD.size :])


class Broken(Exception):
    """This conversation leads nowhere: a piece is missing, or it is not what it should be."""


class Conversation:
    """One side of one conversation; what is to be sent is taken with `pieces`, in order."""

    def __init__(self, context: ssl.SSLContext, *, begun: bytes | None = None, most: int = MOST_SAID) -> None:
        """`begun` is the identity of one that the other side began; that side is then the client of TLS.

        `most`: bytes that are listened to.
        """
        self._most = most
        self.identity = begun or os.urandom(16)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=begun is not None)
        self._expected = self._sent = 0
        self._plain = bytearray()
        self._to_say: bytes | None = None
        self._agreed = False

    def say(self, text: bytes) -> None:
        """One question or answer; it goes out as soon as TLS is agreed on."""
        if len(text) > MOST_SAID:
            raise ValueError(f"{len(text)} bytes are too many to say")
        self._to_say = _LENGTH.pack(len(text)) + text
        self._advance()

    def hear(self, piece: Piece) -> bytes | None:
        """What the other side said, once it is complete; raises Broken."""
        if piece.number != self._expected:
            raise Broken(f"message {piece.number} came in the place of {self._expected}")
        self._expected += 1
        self._in.write(piece.data)
        self._advance()
        return self._said()

    def pieces(self) -> Iterator[bytes]:
        """The messages that are to be sent now."""
        while data := self._out.read(MOST_PIECE):
            piece = Piece(kind=Kind.SAID, conversation=self.identity, number=self._sent, data=data)
            self._sent += 1
            yield piece.encode()

    def _advance(self) -> None:
        try:
            if not self._agreed:
                self._tls.do_handshake()
                self._agreed = True
            if self._to_say is not None:
                text, self._to_say = memoryview(self._to_say), None
                while text:
                    text = text[self._tls.write(text) :]
            while data := self._tls.read(65536):
                self._plain += data
                if len(self._plain) > self._most + _LENGTH.size:
                    raise Broken("more is said than can be meant")
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise Broken(f"TLS failed: {error.reason or error}") from error

    def _said(self) -> bytes | None:
        if len(self._plain) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._plain)
        if length > self._most:
            raise Broken("more is said than can be meant")
        if len(self._plain) < _LENGTH.size + length:
            return None
        return bytes(self._plain[_LENGTH.size : _LENGTH.size + length])


def executors_context() -> ssl.SSLContext:
    """For the side that begins."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # see the module's text
    return context


def frameworks_context(certificate: Path) -> ssl.SSLContext:
    """For the framework, with a certificate and its key in one PEM file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.load_cert_chain(certificate)
    return context
