"""RecordIO, the framing of Mesos' event streams: the length in decimal, a newline, that many bytes.

Knows how to cut a stream of bytes into records, whatever pieces the bytes come in. Does not know what a record means.
"""

from dataclasses import dataclass

from sdk.errors import TemporaryFailure

MAX_RECORD_BYTES = 1 << 36
"""Only what cannot be meant is refused: the first record of an operator stream holds the whole cluster, about 1 to 4 kB
for each task. Nothing is set aside for the announced length, so memory is taken only by what really comes."""
# 20 digits hold any 64 bit number; what has no newline within them is not RecordIO.
_MAX_HEADER_BYTES = 20


class MalformedStream(TemporaryFailure):
    """The peer sent something that is not RecordIO, not JSON, or too large; a new connection may help."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a record of `length` bytes; the record ends with the piece that is `last`."""

    data: bytes
    length: int
    last: bool


class PieceDecoder:
    """Bytes in, pieces of records out, as they come. Holds no more than a header."""

    def __init__(self, limit: int = MAX_RECORD_BYTES) -> None:
        self._limit = limit
        self._header = b""
        self._length = 0
        self._left: int | None = None
        """Bytes of the present record that are still to come; None while its header is read."""

    def feed(self, data: bytes) -> list[Piece]:
        """What `data` holds of records; raises MalformedStream, after which the decoder is of no use."""
        pieces: list[Piece] = []
        at = 0
        while True:
            if self._left is None:
                end = data.find(b"\n", at, at + _MAX_HEADER_BYTES + 1)
                self._header += data[at : end if end >= 0 else at + _MAX_HEADER_BYTES + 1]
                if end < 0:
                    self._check_header(complete=False)
                    return pieces
                self._length = self._left = self._check_header(complete=True)
                self._header = b""
                at = end + 1
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            if piece or not self._left:
                pieces.append(Piece(piece, self._length, not self._left))
            if self._left:
                return pieces
            self._left = None

    @property
    def pending(self) -> bool:
        """Whether a record has begun and not ended."""
        return bool(self._header) or self._left is not None

    def _check_header(self, *, complete: bool) -> int:
        header = self._header
        if (complete or header) and not (header.isdigit() and header.isascii()):
            raise MalformedStream(f"expected the length of a record, got {header!r}")
        if len(header) > _MAX_HEADER_BYTES:
            raise MalformedStream(f"the length of a record has more than {_MAX_HEADER_BYTES} digits")
        length = int(header or b"0")
        if length > self._limit:
            raise MalformedStream(f"a record of {length} bytes is larger than the limit of {self._limit}")
        return length


class RecordDecoder:
    """Bytes in, records out. Every byte is copied a bounded number of times, in however many pieces a record comes."""

    def __init__(self, limit: int = MAX_RECORD_BYTES) -> None:
        self._pieces = PieceDecoder(limit)
        self._record: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The records that are complete with `data`; raises MalformedStream, after which the decoder is of no use."""
        records: list[bytes] = []
        for piece in self._pieces.feed(data):
            self._record.append(piece.data)
            if piece.last:
                records.append(b"".join(self._record))
                self._record.clear()
        return records

    @property
    def pending(self) -> bool:
        """Whether a record has begun and not ended."""
        return self._pieces.pending


def encode(record: bytes) -> bytes:
    """One record with its header."""
    return b"%d\n%s" % (len(record), record)
