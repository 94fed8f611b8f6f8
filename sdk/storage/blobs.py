"""An immutable text as ZooKeeper nodes: packed, split when it is large, put together again without trust. Pure.

Such nodes stand side by side below one, and are named by their content.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

from sdk.errors import CorruptRecord

#: ZooKeeper drops packets above 1 MiB; half of that leaves room for a multi around the part.
MAX_NODE_BYTES = 512_000
#: A part larger than this is a mistake of the writer; the reader must not let it fill the agent's memory.
MAX_PART_BYTES = 64 * 1024 * 1024


class Blob(NamedTuple):
    """An immutable text by its content: `sha256` and `size` are of the plain UTF-8 text."""

    sha256: str
    size: int

    @classmethod
    def of(cls, text: str) -> "Blob":
        """What names `text`."""
        data = text.encode()
        return cls(hashlib.sha256(data).hexdigest(), len(data))


def encode_blob(text: str, max_node_bytes: int = MAX_NODE_BYTES) -> list[tuple[str, bytes]]:
    """The nodes that hold `text`, in the order in which they must be created.

    One node named by the sha256, or `<sha256>.0`, `<sha256>.1`, ... when it would be too large. The first is written
    last, so a reader that finds it finds the others.
    """
    data = text.encode()
    name = hashlib.sha256(data).hexdigest()
    packed = zlib.compress(data, 1)
    if len(packed) <= max_node_bytes:
        return [(name, packed)]
    chunks = [packed[at : at + max_node_bytes] for at in range(0, len(packed), max_node_bytes)]
    return [(f"{name}.{index}", chunk) for index, chunk in enumerate(chunks)][::-1]


class BlobDecoder:
    """Puts one part together from its nodes, fed in order, without trusting a byte of them."""

    def __init__(self, blob: Blob) -> None:
        if blob.size > MAX_PART_BYTES:
            raise CorruptRecord(f"parts/{blob.sha256}", f"{blob.size} bytes; at most {MAX_PART_BYTES} are read")
        self._blob = blob
        self._inflate = zlib.decompressobj()
        self._text = bytearray()

    def feed(self, chunk: bytes) -> bool:
        """Take one node's data; True when the part is complete. Raises CorruptRecord when it cannot be this part."""
        path = f"parts/{self._blob.sha256}"
        try:
            # One byte beyond the announced size is enough to know that it is wrong.
            self._text += self._inflate.decompress(chunk, max(1, self._blob.size + 1 - len(self._text)))
        except zlib.error as error:
            raise CorruptRecord(path, f"not a zlib stream: {error}") from error
        if len(self._text) > self._blob.size or (self._inflate.eof and len(self._text) != self._blob.size):
            raise CorruptRecord(path, f"is not the {self._blob.size} bytes that the head announces")
        if self._inflate.eof and self._inflate.unused_data:
            raise CorruptRecord(path, "has bytes after its end")
        return self._inflate.eof

    def text(self) -> str:
        """The whole text, checked against size and sha256."""
        path = f"parts/{self._blob.sha256}"
        if not self._inflate.eof:
            raise CorruptRecord(path, f"ends after {len(self._text)} of {self._blob.size} bytes")
        if hashlib.sha256(self._text).hexdigest() != self._blob.sha256:
            raise CorruptRecord(path, "its content does not have the sha256 of its name")
        try:
            return self._text.decode()
        except UnicodeDecodeError as error:
            raise CorruptRecord(path, f"is not UTF-8: {error}") from error


def decode_blob(blob: Blob, chunks: Iterable[bytes]) -> str:
    """The text of `blob` from the data of its nodes: the whole one, or `.0`, `.1`, ... in order."""
    decoder = BlobDecoder(blob)
    for chunk in chunks:
        if decoder.feed(chunk):
            break
    return decoder.text()


class BlobMissing(CorruptRecord):
    """A node of the text is not there: it was removed after what names it was replaced, or its writer is broken."""


ReadAll = Callable[[list[str]], Sequence[bytes | None]]
"""The data of several nodes, asked for together; None for each that is not there."""


def read_blobs(read_all: ReadAll, folder: str, blobs: Iterable[Blob]) -> list[str]:
    """The texts of `blobs`, whose nodes stand below `folder`.

    Raises BlobMissing when one is not there whole, and CorruptRecord when the nodes hold something else.
    """
    wanted = list(blobs)
    found = read_all([f"{folder}/{blob.sha256}" for blob in wanted])
    return [
        decode_blob(blob, [whole] if whole is not None else _pieces(read_all, f"{folder}/{blob.sha256}"))
        for blob, whole in zip(wanted, found, strict=True)
    ]


def read_blob(read_all: ReadAll, folder: str, blob: Blob) -> str | None:
    """The text of one; None when it is not there whole."""
    try:
        return read_blobs(read_all, folder, [blob])[0]
    except BlobMissing:
        return None


def _pieces(read_all: ReadAll, path: str) -> Iterator[bytes]:
    for index in count():
        [piece] = read_all([f"{path}.{index}"])
        if piece is None:
            raise BlobMissing(path, "it is named, but it is not there" if index == 0 else "ends early")
        yield piece
