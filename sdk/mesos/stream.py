"""An event stream on a connection of its own: RecordIO until either side ends it, and what ends it from our side.

Knows heartbeats and silence. How it is opened is in `sdk.mesos.connection`, what its records mean in
`sdk.mesos.subscription`.
"""

import http.client
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import urllib3
from urllib3.connection import HTTPConnection

from sdk.errors import TemporaryFailure
from sdk.mesos.endpoint import Endpoint
from sdk.mesos.recordio import MAX_RECORD_BYTES, Piece, PieceDecoder, RecordDecoder

_READ_BYTES = 256 * 1024
NETWORK_ERRORS = (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError)
"""What the network may raise."""


class NoAnswer(TemporaryFailure):
    """The peer could not be reached, or the connection broke before its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Deadlines in seconds, and sizes."""

    connect: float = 10.0
    answer: float = 30.0
    """From the request to the status line, between two reads of an answer, and to the first event of a stream."""
    missed_heartbeats: float = 5.0
    """So many intervals without a single byte, and the stream counts as dead (the documentation of Mesos says 5)."""
    record_bytes: int = MAX_RECORD_BYTES


_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class _Decoder(Protocol[_T_co]):
    """What becomes of the bytes of a stream."""

    @property
    def pending(self) -> bool: ...
    def feed(self, data: bytes, /) -> Sequence[_T_co]: ...


class Stream:
    """The answer to a SUBSCRIBE: RecordIO until either side ends it."""

    def __init__(self, connection: HTTPConnection, sock: socket.socket, endpoint: Endpoint, limits: Limits) -> None:
        self.endpoint = endpoint
        self.stream_id: str | None = None
        self._connection = connection
        self._socket = sock
        self._limits = limits
        self._response: urllib3.response.BaseHTTPResponse | None = None

    def answered(self, response: urllib3.response.BaseHTTPResponse) -> None:
        """The records are in there."""
        self._response = response

    def set_heartbeat(self, interval: float | None) -> None:
        """From now on, die when no byte comes for several heartbeats; without an interval only TCP can tell."""
        self._socket.settimeout(interval * self._limits.missed_heartbeats if interval else None)

    def records(self) -> Iterator[bytes]:
        """Records as they come; returns when the peer ends the stream, raises NoAnswer or MalformedStream."""
        return self._decoded(RecordDecoder(self._limits.record_bytes))

    def pieces(self) -> Iterator[Piece]:
        """The same piece by piece, for records that are too large to be held."""
        return self._decoded(PieceDecoder(self._limits.record_bytes))

    def _decoded(self, decoder: _Decoder[_T]) -> Iterator[_T]:
        assert self._response is not None
        while True:
            try:
                data = self._response.read1(_READ_BYTES, decode_content=False)
            except TimeoutError as error:
                raise self._silent() from error
            except urllib3.exceptions.ReadTimeoutError as error:
                raise self._silent() from error
            except NETWORK_ERRORS as error:
                raise NoAnswer(f"the stream from {self.endpoint} broke: {error}") from error
            if not data:
                if decoder.pending:
                    raise NoAnswer(f"the stream from {self.endpoint} ended inside a record")
                return
            yield from decoder.feed(data)

    def _silent(self) -> NoAnswer:
        return NoAnswer(f"{self.endpoint} sent nothing for {self._socket.gettimeout() or 0:g} s, not even a heartbeat")

    def interrupt(self) -> None:
        """End a `records` that waits in another thread."""
        try:
            # Not the method of an SSLSocket, which would take the TLS state away from under the reading thread.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            return  # ended already

    def close(self) -> None:
        """Free the connection; only by the thread that reads."""
        if self._response is not None:
            self._response.close()
        self._connection.close()
