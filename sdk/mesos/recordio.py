"""RecordIO, the framing of Mesos' event streams: the length in decimal, a newline, that many bytes.

Knows how to cut a stream of bytes into records, whatever pieces the bytes come in. Does not know what a record means.
"""

from sdk.errors import TemporaryFailure

MAX_RECORD_BYTES = 1 << 36
"""Only what cannot be meant is refused: the first record of an operator stream holds the whole cluster, about 1 to 4 kB
for each task. Nothing is set aside for the announced length, so memory is taken only by what really comes."""
# 20 digits hold any 64 bit number; what has no newline within them is not RecordIO.
_MAX_HEADER_BYTES = 20


class MalformedStream(TemporaryFailure):
    """The peer sent something that is not RecordIO, not JSON, or too large; a new connection may help."""


class RecordDecoder:
    """Bytes in, records out. Every byte is copied a bounded number of times, in however many pieces a record comes."""

    def __init__(self, limit: int = MAX_RECORD_BYTES) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._length: int | None = None
        """Length of the record that the buffer begins with, once its header has been read."""

    def feed(self, data: bytes) -> list[bytes]:
        """The records that are complete with `data`; raises MalformedStream, after which the decoder is of no use."""
        self._buffer += data
        records: list[bytes] = []
        start = 0
        while True:
            if self._length is None:
                end = self._buffer.find(b"\n", start, start + _MAX_HEADER_BYTES + 1)
                if end < 0:
                    self._check_header(self._buffer[start : start + _MAX_HEADER_BYTES + 1], complete=False)
                    break
                self._length = self._check_header(self._buffer[start:end], complete=True)
                start = end + 1
            if len(self._buffer) - start < self._length:
                break
            with memoryview(self._buffer) as view:
                records.append(bytes(view[start : start + self._length]))
            start += self._length
            self._length = None
        # Once per call: deleting after every record would move the rest of the buffer each time.
        del self._buffer[:start]
        return records

    @property
    def pending(self) -> bool:
        """Whether a record has begun and not ended."""
        return bool(self._buffer) or self._length is not None

    def _check_header(self, header: bytes | bytearray, *, complete: bool) -> int:
        if (complete or header) and not (header.isdigit() and header.isascii()):
            raise MalformedStream(f"expected the length of a record, got {bytes(header)!r}")
        if len(header) > _MAX_HEADER_BYTES:
            raise MalformedStream(f"the length of a record has more than {_MAX_HEADER_BYTES} digits")
        length = int(header or b"0")
        if length > self._limit:
            raise MalformedStream(f"a record of {length} bytes is larger than the limit of {self._limit}")
        return length


def encode(record: bytes) -> bytes:
    """One record with its header."""
    return b"%d\n%s" % (len(record), record)
