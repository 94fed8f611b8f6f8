"""Which fields differ between two states of a pool."""

from typing import Any

from api.validation.fields import field_changes


def changes(old: object, new: object) -> list[tuple[str, Any, Any]]:
    return [tuple(one) for one in field_changes(old, new)]  # type: ignore[misc]


def test_a_field_is_told_with_its_path_and_both_values() -> None:
    """None is what is not there."""
    assert changes({"a": 1, "b": {"c": 2}, "d": 3}, {"a": 1, "b": {"c": 4, "e": 5}}) == [
        ("pool.b.c", 2, 4),
        ("pool.b.e", None, 5),
        ("pool.d", 3, None),
    ]


def test_items_are_told_apart_by_their_names() -> None:
    """One that only moved has not changed."""
    app, web = {"name": "app", "balance": "uri"}, {"name": "web"}
    assert changes([app, web], [web, app]) == []
    assert changes([app, web], [{"name": "new"}, app | {"balance": "source"}]) == [
        ("pool[0]", None, {"name": "new"}),
        ("pool[1].balance", "uri", "source"),
        ("pool[1]", web, None),
    ]


def test_items_without_names_are_told_apart_by_their_places() -> None:
    """As are those of one name."""
    assert changes(["a", "b"], ["a", "c", "d"]) == [("pool[1]", "b", "c"), ("pool[2]", None, "d")]
    assert changes([{"name": "a"}, {"name": "a", "x": 1}], [{"name": "a"}, {"name": "a"}]) == [("pool[1].x", 1, None)]
