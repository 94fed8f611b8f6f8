"""How old claims are, as it is stored: what is remembered when there is too much of it."""

import random
import string
import zlib

import pytest

from api.auto_pools.claim import App
from api.auto_pools.claims.ledger import Entry, Ledger, decode_ledger, encode_ledger
from sdk.errors import CorruptRecord

_LETTERS = string.ascii_letters + string.digits + string.punctuation


@pytest.mark.parametrize("letters", [_LETTERS, "".join(map(chr, range(0x4E00, 0x9000)))])
@pytest.mark.parametrize("holds", [True, False])
def test_nobody_makes_it_longer_than_what_can_be_stored(letters: str, holds: bool) -> None:
    """However many and long the names are under which he asks; who was there before is remembered."""
    found = random.Random(1)
    old = {App("marathon", f"/shop/{at}", True): Entry(at, {"a": at + 1}) for at in range(100)}
    new = {
        App("".join(found.choices(letters, k=20)), "".join(found.choices(letters, k=480))): Entry(
            1000.0 + at, {str(at): at + 1000} if holds else {}
        )
        for at in range(5000)
    }
    ledger = Ledger(entries={**new, **old}).bounded()
    text = encode_ledger(ledger)
    assert len(zlib.compress(text.encode(), 1)) < 1_000_000
    assert old.items() <= ledger.entries.items()
    assert len(ledger.entries) > 500
    assert decode_ledger(text) == ledger


def test_ten_thousand_applications_are_all_remembered() -> None:
    """With names such as people give."""
    ledger = Ledger(
        entries={
            App("marathon", f"/team-{at % 50}/service-{at}", True): Entry(at, {"x": at + 1}) for at in range(10_000)
        }
    )
    assert ledger.bounded() is ledger


@pytest.mark.parametrize("since", ["NaN", "1e999", "-1", "1" + "0" * 400, '"1"', "null"])
def test_what_is_no_time_is_no_ledger(since: str) -> None:
    """Garbage would have no order among the claims of others."""
    with pytest.raises(CorruptRecord, match=r"ledger\.apps\[0\]"):
        decode_ledger(f'{{"schema":1,"apps":[["f","/a",true,"",{since},{{}}]]}}')
