"""Large documents in pieces: together they are the document, and no piece is large."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.local.core.pieces import LONG, Encoded, Mapped, encode, is_large, pieces

SMALL = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


def many(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list around the length from which on it is cut."""
    return st.tuples(inner, st.sampled_from([LONG, LONG + 1, 2 * LONG + 1])).map(lambda pair: [pair[0]] * pair[1])


LARGE = st.recursive(
    SMALL | many(SMALL),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(LARGE | many(st.dictionaries(st.text(max_size=3), many(SMALL), max_size=1)))
def test_the_pieces_of_a_document_are_the_document(value: Any) -> None:
    """Whatever it is, and wherever its long lists are; the two encoders write some floats in other words."""
    assert json.loads(b"".join(pieces(value))) == json.loads(encode(value))


@given(st.integers(0, 3 * LONG).map(range).map(list))
def test_elements_that_are_worked_out_late_are_elements(numbers: list[int]) -> None:
    """A mapped list is encoded as the list of what it makes, in pieces or not."""
    document = {"a": {"b": Mapped(numbers, str)}}
    plain = {"a": {"b": [str(number) for number in numbers]}}
    assert encode(document) == encode(plain) == b"".join(pieces(document))


def test_fifty_thousand_tasks_are_many_small_pieces() -> None:
    """None is larger than what a hundred of them need."""
    task = {"task_id": {"value": "x" * 100}, "statuses": [{"state": "TASK_RUNNING"}]}
    parts = list(pieces({"get_state": {"get_tasks": {"tasks": [task] * 50_000}}}))
    assert max(len(part) for part in parts) <= len(encode([task] * LONG))
    assert len(json.loads(b"".join(parts))["get_state"]["get_tasks"]["tasks"]) == 50_000


def test_only_documents_with_long_lists_are_large() -> None:
    """Everything else is encoded in one go."""
    assert not is_large({"tasks": [{}] * LONG})
    assert is_large({"frameworks": [{"tasks": [{}] * (LONG + 1)}]})
    assert is_large({"tasks": Mapped([1] * (LONG + 1), str)})


def test_what_is_encoded_already_stays_as_it_is_and_half_characters_do_no_harm() -> None:
    """An event is encoded once for all its readers; text that is no text becomes a question mark."""
    assert encode(Encoded(b"{}")) == b"{}"
    assert (
        encode({"a": "\ud800", "b": 4.0, "c": 2**70, "d": "/"})
        == b'{"a":"?","b":4.0,"c":1180591620717411303424,"d":"/"}'
    )
