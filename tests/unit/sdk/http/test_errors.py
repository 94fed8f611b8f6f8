"""Sentences of the HTTP interface."""

from sdk.http.errors import named


def test_of_many_names_the_rest_is_counted() -> None:
    """A service of ten thousand instances makes no page of an error."""
    assert named([]) == "none"
    assert named(["a", "b"]) == "a, b"
    assert named([str(number) for number in range(25)]).endswith(", 18, 19 and 5 more")
