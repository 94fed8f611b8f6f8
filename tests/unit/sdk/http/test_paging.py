"""Pages of long lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.http.errors import HttpError
from sdk.http.paging import MOST, USUAL, link, page, rest


@given(st.integers(0, 50), st.integers(1, 7))
def test_pages_one_after_the_other_are_the_list(length: int, limit: int) -> None:
    """Nothing twice, nothing left out, and an end."""
    items = [f"{number:03}" for number in range(length)]
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        found = page(items, str, {"limit": str(limit), **after})
        assert len(found.items) <= limit
        seen.extend(found.items)
        if found.next is None:
            break
        after = {"after": found.next}
    assert seen == items


def test_a_page_goes_on_where_the_last_name_stood_that_is_gone() -> None:
    """Of a sorted list; any other begins anew."""
    assert page(["a", "c", "d"], str, {"after": "b"}).items == ["c", "d"]
    assert page(["d", "a"], str, {"after": "b"}).items == ["d", "a"]


def test_the_usual_length_is_what_a_query_without_limit_gets() -> None:
    """Or all, where a route says so."""
    many = [f"{number:05}" for number in range(USUAL + 5)]
    assert (len(page(many, str, {}).items), page(many, str, {}).next) == (USUAL, many[USUAL - 1])
    assert page(many, str, {}, usual=None) == (many, None)


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1.5", str(MOST + 1), "9" * 400, "²"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    """With what it has to be."""
    with pytest.raises(HttpError, match=f"must be a whole number from 1 to {MOST}") as caught:
        page(["a"], str, {"limit": limit})
    assert caught.value.code == 400


def test_what_is_said_of_the_next_page_can_be_asked_for() -> None:
    """Names with signs in them as well."""
    found = page(["a&b", "c"], str, {"limit": "1"})
    assert rest(found) == {"next": "a&b"}
    assert link(found, {"limit": "1"}) == '<?limit=1&after=a%26b>; rel="next"'
    assert rest(page(["a"], str, {})) == {}
