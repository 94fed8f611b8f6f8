"""How old claims are, as it is stored and kept: what is remembered when there is too much of it."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.claim import App
from api.auto_pools.claims.ledger import (
    EMPTY,
    MOST_BYTES,
    Book,
    Entry,
    Ledger,
    bounded,
    decode_entries,
    encode_entries,
)
from sdk.errors import CorruptRecord

_LETTERS = string.ascii_letters + string.digits + string.punctuation
_MOST = 900_000


@pytest.mark.parametrize("letters", [_LETTERS, "".join(map(chr, range(0x4E00, 0x9000)))])
@pytest.mark.parametrize("holds", [True, False])
def test_nobody_makes_it_longer_than_what_is_stored(letters: str, holds: bool) -> None:
    """However many and long the names are under which he asks; who was there before is remembered."""
    found = random.Random(1)
    old = {App("marathon", f"/shop/{at}", True): Entry(at, {"a": at + 1}) for at in range(100)}
    new = {
        App("".join(found.choices(letters, k=20)), "".join(found.choices(letters, k=480))): Entry(
            1000.0 + at, {str(at): at + 1000} if holds else {}
        )
        for at in range(5000)
    }
    ledger = bounded(Ledger.of({**new, **old}), _MOST)
    kept = dict(ledger.items())
    text = encode_entries(ledger.items())
    assert len(text.encode()) < _MOST * 1.1
    assert old.items() <= kept.items()
    assert len(kept) > 500
    assert decode_entries(text) == kept


@pytest.mark.slow
def test_a_hundred_thousand_applications_are_all_remembered() -> None:
    """With names such as people give."""
    book = Book(EMPTY)
    for at in range(100_000):
        book.put(App("marathon", f"/team-{at % 50}/service-{at}", True), Entry(at, {"AbCdEfGh": at + 1}))
    assert sum(1 for _ in book.ledger.items()) == 100_000
    assert len(encode_entries(book.ledger.items()).encode()) < MOST_BYTES


def test_where_nothing_changed_all_is_as_before() -> None:
    """So that only what changed has to be written."""
    apps = [App("marathon", f"/{at}", True) for at in range(1000)]
    book = Book(Ledger.of({app: Entry(1.0, {"a": 1}) for app in apps}))
    before = book.ledger
    book.put(apps[7], Entry(1.0, {"a": 1}))
    assert book.ledger is before
    book.put(apps[7], Entry(1.0, {"a": 2}))
    after = book.ledger
    assert sum(one is not other for one, other in zip(before.shards, after.shards, strict=True)) == 1
    assert dict(before.items())[apps[7]].held == {"a": 1}
    assert dict(after.items())[apps[7]].held == {"a": 2}


apps = st.builds(
    App, st.sampled_from(["m", "n"]), st.text("ab/", max_size=3), st.booleans(), st.sampled_from(["", "c"])
)
entries = st.none() | st.builds(Entry, st.integers(0, 3), st.dictionaries(st.sampled_from("xy"), st.integers(1, 3)))


@given(st.lists(st.tuples(apps, entries, st.booleans()), max_size=30))
def test_a_ledger_holds_what_was_put_last(steps: list[tuple[App, Entry | None, bool]]) -> None:
    """And those that were told before stay as they were."""
    book, known, told = Book(EMPTY), {}, []
    for app, entry, look in steps:
        book.put(app, entry)
        known.pop(app, None)
        if entry is not None:
            known[app] = entry
        if look:
            told.append((book.ledger, dict(known)))
    for ledger, meant in (*told, (book.ledger, known)):
        assert dict(ledger.items()) == meant
        assert ledger == Ledger.of(meant)
        assert bool(ledger) == bool(meant)


@pytest.mark.parametrize("since", ["NaN", "1e999", "-1", "1" + "0" * 400, '"1"', "null"])
def test_what_is_no_time_is_no_ledger(since: str) -> None:
    """Garbage would have no order among the claims of others."""
    with pytest.raises(CorruptRecord, match=r"ledger\.apps\[0\]"):
        decode_entries(f'{{"schema":1,"apps":[["f","/a",true,"",{since},{{}}]]}}')
