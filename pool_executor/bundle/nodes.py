"""A part as ZooKeeper nodes: packed, split when it is large, and put together again without trust. Pure."""

import hashlib
import zlib
from collections.abc import Iterable

from pool_executor.bundle.model import Part
from sdk.errors import CorruptRecord

#: ZooKeeper drops packets above 1 MiB; half of that leaves room for a multi around the part.
MAX_NODE_BYTES = 512_000
#: A part larger than this is a mistake of the writer; the reader must not let it fill the agent's memory.
MAX_PART_BYTES = 64 * 1024 * 1024


def encode_part(text: str, max_node_bytes: int = MAX_NODE_BYTES) -> list[tuple[str, bytes]]:
    """The nodes below `parts/` that hold `text`, in the order in which they must be created.

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


class PartDecoder:
    """Puts one part together from its nodes, fed in order, without trusting a byte of them."""

    def __init__(self, part: Part) -> None:
        if part.size > MAX_PART_BYTES:
            raise CorruptRecord(f"parts.{part.name}.size", f"{part.size} bytes; at most {MAX_PART_BYTES} are read")
        self._part = part
        self._inflate = zlib.decompressobj()
        self._text = bytearray()

    def feed(self, chunk: bytes) -> bool:
        """Take one node's data; True when the part is complete. Raises CorruptRecord when it cannot be this part."""
        path = f"parts/{self._part.sha256}"
        try:
            # One byte beyond the announced size is enough to know that it is wrong.
            self._text += self._inflate.decompress(chunk, max(1, self._part.size + 1 - len(self._text)))
        except zlib.error as error:
            raise CorruptRecord(path, f"not a zlib stream: {error}") from error
        if len(self._text) > self._part.size or (self._inflate.eof and len(self._text) != self._part.size):
            raise CorruptRecord(path, f"is not the {self._part.size} bytes that the head announces")
        if self._inflate.eof and self._inflate.unused_data:
            raise CorruptRecord(path, "has bytes after its end")
        return self._inflate.eof

    def text(self) -> str:
        """The whole text, checked against size and sha256."""
        path = f"parts/{self._part.sha256}"
        if not self._inflate.eof:
            raise CorruptRecord(path, f"ends after {len(self._text)} of {self._part.size} bytes")
        if hashlib.sha256(self._text).hexdigest() != self._part.sha256:
            raise CorruptRecord(path, "its content does not have the sha256 of its name")
        try:
            return self._text.decode()
        except UnicodeDecodeError as error:
            raise CorruptRecord(path, f"is not UTF-8: {error}") from error


def decode_part(part: Part, chunks: Iterable[bytes]) -> str:
    """The text of `part` from the data of its nodes: the whole one, or `.0`, `.1`, ... in order."""
    decoder = PartDecoder(part)
    for chunk in chunks:
        if decoder.feed(chunk):
            break
    return decoder.text()
