"""RecordIO in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.mesos.recordio import MalformedStream, PieceDecoder, RecordDecoder, encode


@given(st.lists(st.binary(max_size=300), max_size=20), st.lists(st.integers(1, 40), min_size=1))
def test_every_split_gives_the_same_records(records: list[bytes], sizes: list[int]) -> None:
    """What the decoder gives does not depend on how the bytes were cut."""
    wire = b"".join(encode(record) for record in records)
    decoder, seen, at, turn = RecordDecoder(), list[bytes](), 0, 0
    while at < len(wire):
        size = sizes[turn % len(sizes)]
        seen += decoder.feed(wire[at : at + size])
        at, turn = at + size, turn + 1
    assert seen == records
    assert not decoder.pending


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 40))
def test_pieces_add_up_to_the_records_and_hold_no_more_than_what_came(records: list[bytes], size: int) -> None:
    """Every record ends with exactly one piece that says so, an empty record too."""
    wire = b"".join(encode(record) for record in records)
    decoder, seen, record = PieceDecoder(), list[bytes](), b""
    for at in range(0, len(wire), size):
        for piece in decoder.feed(wire[at : at + size]):
            assert len(piece.data) <= size
            record += piece.data
            if piece.last:
                assert len(record) == piece.length
                seen.append(record)
                record = b""
    assert seen == records
    assert not decoder.pending


def test_one_feed_may_hold_many_records_and_a_part() -> None:
    """Complete records come at once, the rest waits."""
    decoder = RecordDecoder()
    assert decoder.feed(b"1\na2\nbc5\nhel") == [b"a", b"bc"]
    assert decoder.pending
    assert decoder.feed(b"lo0\n") == [b"hello", b""]


@pytest.mark.parametrize("garbage", [b"HTTP/1.1", b"-1\n", b"\n", b"1x\n", b" 5\n", "٣\n".encode(), b"9" * 30])
def test_what_is_not_a_length_is_refused_at_once(garbage: bytes) -> None:
    """Garbage is never buffered while waiting for a newline."""
    with pytest.raises(MalformedStream, match="length of a record"):
        RecordDecoder().feed(garbage)


def test_a_snapshot_may_have_any_size() -> None:
    """A cluster of a million tasks is one record; what cannot be meant is refused by its length."""
    assert RecordDecoder().feed(b"4000000000\n{") == []
    with pytest.raises(MalformedStream, match="larger than the limit"):
        RecordDecoder().feed(b"4000000000000000\n")


def test_a_record_above_the_limit_is_refused_by_its_length() -> None:
    """Memory is not filled before the limit is noticed."""
    decoder = RecordDecoder(limit=10)
    assert decoder.feed(b"10\n0123456789") == [b"0123456789"]
    with pytest.raises(MalformedStream, match="11 bytes is larger than the limit of 10"):
        decoder.feed(b"11\n")
