"""The log of endpoints: what is written is read back, and what is no log is refused with the path of what is wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool_executor.contract import (
    SHARDS,
    Blob,
    Endpoints,
    Put,
    Remove,
    Segment,
    Server,
    State,
    apply,
    decode_endpoints,
    decode_operations,
    decode_segment,
    decode_shard,
    decode_shards,
    encode_endpoints,
    encode_operations,
    encode_segment,
    encode_shard,
    encode_shards,
    shard_of,
)
from sdk.errors import CorruptRecord

names = st.from_regex(r"[A-Za-z0-9_.:-]{1,40}", fullmatch=True)
servers = st.builds(
    Server,
    name=names,
    address=st.one_of(st.ip_addresses().map(str), st.just("db.example.org")).filter(lambda text: "%" not in text),
    port=st.integers(0, 65535),
    id=st.integers(1, 2**31 - 1),
    task=st.text(max_size=40),
    weight=st.none() | st.integers(0, 256),
    state=st.sampled_from(State),
    options=st.from_regex(r"[a-z0-9_.-]{0,10}", fullmatch=True),
)
operations = st.lists(st.one_of(st.builds(Put, names, servers), st.builds(Remove, names, names)), max_size=20).map(
    tuple
)
BLOB = Blob("ab" * 32, 7)


@given(operations)
def test_operations_are_read_back(wanted: tuple[Put | Remove, ...]) -> None:
    assert decode_operations(json.loads(json.dumps(encode_operations(wanted))), "operations") == wanted


@given(operations)
def test_a_shard_holds_what_the_operations_made(wanted: tuple[Put | Remove, ...]) -> None:
    found: dict[str, dict[str, Server]] = {}
    apply(found, wanted)
    assert all(found.values()), "a backend without servers is left out"
    again = decode_shard(encode_shard(found))
    assert again == found
    apply(again, wanted)
    assert again == found, "operations may be carried out twice"


@given(operations)
def test_a_head_is_read_back_and_knows_from_where_it_can_be_continued(wanted: tuple[Put | Remove, ...]) -> None:
    head = Endpoints(
        pool="web",
        lineage="f00",
        epoch=3,
        sequence=100 + len(wanted),
        base=95,
        shards=BLOB,
        segments=(Segment(91, 100, BLOB),),
        operations=wanted,
        stamps={"event": 1.5},
    )
    assert decode_endpoints(encode_endpoints(head)) == head
    assert head.since == 90
    assert head.inline_from == 101


def test_who_knows_operations_already_is_spared_them() -> None:
    wanted = (Remove("web", "a"), Remove("web", "b"), Remove("web", "c"))
    head = Endpoints(pool="web", lineage="f00", epoch=3, sequence=12, base=9, shards=None, operations=wanted)
    data = encode_endpoints(head)
    for after, expected in ((0, wanted), (9, wanted), (10, wanted[1:]), (12, ()), (99, ())):
        assert decode_endpoints(data, "f00", after).operations == expected
    assert decode_endpoints(data, "bar", 11).operations == wanted


def test_a_segment_holds_as_many_operations_as_it_says() -> None:
    wanted = (Remove("web", "a"), Remove("web", "b"))
    text = encode_segment(wanted)
    assert decode_segment(Segment(5, 6, BLOB), text) == wanted
    with pytest.raises(CorruptRecord, match="has 2 operations, not 5 to 7"):
        decode_segment(Segment(5, 7, BLOB), text)


def test_shards_are_few_and_listed_by_number() -> None:
    assert {shard_of(f"backend-{n}") for n in range(5000)} == set(range(SHARDS))
    assert decode_shards(encode_shards({0: BLOB, 63: BLOB})) == {0: BLOB, 63: BLOB}
    with pytest.raises(CorruptRecord, match=r"shards\.64"):
        decode_shards(json.dumps({"shards": {"64": list(BLOB)}}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sequence": 3, "operations": [["-", "web", "a"]], "segments": [[1, 1, *BLOB]]},
            "begin with number 3, after 1",
        ),
        ({"segments": [[1, 1, *BLOB], [3, 3, *BLOB]], "sequence": 3}, r"segments\[1\]: has operations 3 to 3 after 1"),
        ({"base": 4, "sequence": 3}, "base: is 4"),
        ({"base": 1, "sequence": 3}, "base: is 1"),
        ({"operations": [["*", "web"]], "sequence": 1}, r"operations\[0\]"),
        ({"operations": [["+", "web", ["a b", "10.0.0.1", 80, 1]]], "sequence": 1}, "has the name 'a b'"),
        ({"operations": [["+", "web", ["a", "10.0.0.1;x", 80, 1]]], "sequence": 1}, "has the address"),
        ({"operations": [["+", "web", ["a", "10.0.0.1", 70000, 1]]], "sequence": 1}, "has the port"),
        ({"operations": [["+", "web", ["a", "10.0.0.1", 80, 0]]], "sequence": 1}, "has the id"),
        ({"operations": [["+", "web", ["a", "10.0.0.1", 80, 1, "t", 300]]], "sequence": 1}, "has the weight"),
        ({"operations": [["+", "web", ["a", "10.0.0.1", 80, 1, "t", 1, "off"]]], "sequence": 1}, "has the state"),
        ({"shards": ["zz", 1]}, "must be a sha256"),
        ({"schema": 9}, "schema: is 9"),
    ],
)
def test_what_is_no_head_is_refused_with_its_place(change: dict[str, object], message: str) -> None:
    empty = Endpoints(pool="web", lineage="f00", epoch=3, sequence=0, base=0, shards=None)
    value = json.loads(encode_endpoints(empty)) | change
    with pytest.raises(CorruptRecord, match=message):
        decode_endpoints(json.dumps(value).encode())
