"""Taking a large JSON document apart while it comes in."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.mesos.elements import ElementSplitter, Path
from sdk.mesos.recordio import MalformedStream

#: What looks like structure and is none.
TEXT = st.text(st.sampled_from('ab{}[]",:\\é\n '), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
ARRAYS = st.lists(VALUES, max_size=6) | st.lists(st.dictionaries(TEXT, VALUES, max_size=3), max_size=12)
NESTED = st.recursive(
    st.integers() | TEXT | ARRAYS, lambda inner: st.dictionaries(TEXT, inner, max_size=4), max_leaves=8
)
DOCUMENTS = st.dictionaries(TEXT, NESTED, max_size=5)


def arrays(value: Any, path: Path = ()) -> dict[Path, list[Any]]:
    """The arrays in nested objects, by their path."""
    if isinstance(value, list):
        return {path: value}
    found = {}
    for key, inner in value.items() if isinstance(value, dict) else ():
        found |= arrays(inner, (*path, key))
    return found


def emptied(value: Any) -> Any:
    """The document with empty arrays."""
    if isinstance(value, dict):
        return {key: emptied(inner) for key, inner in value.items()}
    return [] if isinstance(value, list) else value


def split(splitter: ElementSplitter, data: bytes, sizes: list[int]) -> tuple[dict[Path, list[Any]], Any]:
    """All that is found, fed in pieces of these sizes over and over."""
    found, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        found += splitter.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    last, rest = splitter.finish()
    told: dict[Path, list[Any]] = {}
    for each in (*found, *last):
        told.setdefault(each.path, []).extend(json.loads(bytes(raw)) for raw in each.raw)
    return told, json.loads(rest)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.booleans(), st.lists(st.integers(1, 60), min_size=1, max_size=4), st.sampled_from([1, 30, 1000]))
def test_every_split_gives_the_same_elements(
    document: dict[str, Any], spaced: bool, sizes: list[int], stretch: int
) -> None:
    """Whatever strings hold, however the document is written, and however its bytes are cut."""
    separators = (" ,\n", " : ") if spaced else (",", ":")
    data = json.dumps(document, separators=separators, ensure_ascii=spaced).encode()
    wanted = arrays(document)
    told, rest = split(ElementSplitter(wanted, stretch=stretch), data, sizes)
    assert told == {path: elements for path, elements in wanted.items() if elements}
    assert rest == emptied(document)


def test_arrays_that_nobody_asked_for_are_left_out() -> None:
    """However large they are."""
    document = {"a": {"wanted": [1, 2], "other": [{"x": "}"}] * 1000}, "b": 1}
    told, rest = split(ElementSplitter([("a", "wanted")]), json.dumps(document).encode(), [7000])
    assert told == {("a", "wanted"): [1, 2]}
    assert rest == {"a": {"wanted": [], "other": []}, "b": 1}


@pytest.mark.parametrize("filling", ["x", '\\"', "}{", "\\\\", "é"])
@pytest.mark.parametrize("size", [1, 997, 100_000])
def test_an_element_above_the_limit_is_left_out_and_counted(filling: str, size: int) -> None:
    """Its neighbours are given, and no more of it is held than the limit and a piece."""
    document = {"tasks": [{"n": 1}, {"n": 2, "label": filling * 10_000, "more": [{"deep": ["]"]}]}, {"n": 3}]}
    splitter = ElementSplitter([("tasks",)], limit=2000, stretch=500)
    data = json.dumps(document, ensure_ascii=False).encode()
    told, rest = split(splitter, data, [size])
    if size > 5000:  # it came as a whole, and is held anyway
        assert [one["n"] for one in told["tasks",]] in ([1, 2, 3], [1, 3])
    else:
        assert (told, splitter.too_large) == ({("tasks",): [{"n": 1}, {"n": 3}]}, 1)
    assert rest == {"tasks": []}


@pytest.mark.parametrize("odd", [b'{"n": nothing}', b'{"n": "\\ud800"}', b"[" * 50_000 + b"]" * 50_000])
def test_an_element_that_cannot_be_read_is_given_as_it_is(odd: bytes) -> None:
    """Its reader decides what to make of it; its neighbours are not concerned."""
    splitter = ElementSplitter([("tasks",)])
    data = b'{"tasks": [{"n": 1}, ' + odd + b', {"n": 3}]}'
    found = [*splitter.feed(data), *splitter.finish()[0]]
    assert [bytes(raw) for each in found for raw in each.raw] == [b'{"n": 1}', odd, b'{"n": 3}']


class Numbered(msgspec.Struct):
    n: int = 0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 2**60) | st.text('}{,[]"x', max_size=3), max_size=20),
    st.integers(500, 20_000),
    st.sampled_from([100, 5000, 300_000]),
)
def test_elements_that_fit_are_read_and_all_come_in_their_order(
    values: list[int | str], size: int, stretch: int
) -> None:
    """Those near one that does not fit may come as they are."""
    data = json.dumps({"tasks": [{"n": value} for value in [*range(1000), *values, *range(1000)]]}).encode()
    splitter = ElementSplitter([("tasks",)], kinds={("tasks",): Numbered}, stretch=stretch)
    found = [each for at in range(0, len(data), size) for each in splitter.feed(data[at : at + size])]
    told: list[object] = []
    read = 0
    for each in (*found, *splitter.finish()[0]):
        told += [json.loads(bytes(raw))["n"] for raw in each.raw]
        told += [one.n for one in each.messages if isinstance(one, Numbered)]
        read += len(each.messages)
    assert told == [*range(1000), *values, *range(1000)]
    assert read or stretch != 5000


@pytest.mark.parametrize("text", [b'{"a": [{"b": 1}', b'{"a": {"b": 1}', b'{"a": "b', b"}", b'{"a": [}]}'])
def test_a_document_that_ends_too_early_or_closes_nothing_is_malformed(text: bytes) -> None:
    """The stream that brought it is of no use."""
    splitter = ElementSplitter([("a",)])
    with pytest.raises(MalformedStream, match="is not JSON"):
        split(splitter, text, [4])


def test_what_is_no_array_may_not_be_large() -> None:
    """Nothing else is left out, so it is bounded."""
    splitter = ElementSplitter([("a",)])
    with pytest.raises(MalformedStream, match="outside of its arrays"):
        split(splitter, b'{"a": "' + b"x" * 5_000_000, [100_000])
