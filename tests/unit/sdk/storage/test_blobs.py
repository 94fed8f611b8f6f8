"""Texts in nodes: they are read back whole, and a byte that is wrong is found."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import CorruptRecord
from sdk.storage.blobs import Blob, BlobMissing, decode_blob, encode_blob, read_blob, read_blobs


class Nodes(dict[str, bytes]):
    """Data by path, read as ZooKeeper gives it."""

    def read_all(self, paths: list[str]) -> list[bytes | None]:
        """None where there is no node."""
        return [self.get(path) for path in paths]


def stored(*texts: str, max_node_bytes: int) -> Nodes:
    """The nodes that hold `texts` below `/f`."""
    return Nodes({f"/f/{name}": data for text in texts for name, data in encode_blob(text, max_node_bytes)})


@given(st.text(max_size=400), st.integers(8, 200))
def test_a_text_is_read_back_whether_it_stands_in_one_node_or_in_many(text: str, max_node_bytes: int) -> None:
    """However small the nodes are."""
    nodes = stored(text, "other", max_node_bytes=max_node_bytes)
    assert read_blob(nodes.read_all, "/f", Blob.of(text)) == text
    assert read_blobs(nodes.read_all, "/f", map(Blob.of, (text, "other", text))) == [text, "other", text]


@given(st.text(min_size=50, max_size=400), st.data())
def test_a_text_of_which_a_node_is_missing_is_not_there(text: str, data: st.DataObject) -> None:
    """Somebody is just removing it, or has not written it yet."""
    nodes = stored(text, max_node_bytes=16)
    del nodes[data.draw(st.sampled_from(sorted(nodes)))]
    assert read_blob(nodes.read_all, "/f", Blob.of(text)) is None
    with pytest.raises(BlobMissing):
        read_blobs(nodes.read_all, "/f", [Blob.of(text)])


def test_the_first_node_is_written_last() -> None:
    """Whoever finds it finds the others."""
    names = [name for name, _ in encode_blob("".join(map(chr, range(32, 400))), 100)]
    assert names[-1].endswith(".0")
    assert len(names) > 2


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([b"no zlib"], "not a zlib stream"),
        ([zlib.compress(b"12345")], "is not the 4 bytes"),
        ([zlib.compress(b"123")], "is not the 4 bytes"),
        ([zlib.compress(b"1235")], "does not have the sha256"),
        ([zlib.compress(b"1234") + b"x"], "bytes after its end"),
        ([zlib.compress(b"1234")[:6]], "ends after"),
    ],
)
def test_what_is_another_text_is_refused(chunks: list[bytes], message: str) -> None:
    """Size and sha256 are known before."""
    with pytest.raises(CorruptRecord, match=message):
        decode_blob(Blob.of("1234"), chunks)
