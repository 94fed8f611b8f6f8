"""JSON that people write: a key that stands twice in one object is an error, where Python keeps the last one. Pure."""

from typing import Any


class DuplicateKey(ValueError):
    """A key stands twice in one object; `key` is it."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key[:80]} stands twice in one object")
        self.key = key


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `object_pairs_hook` of the json module."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise DuplicateKey(key)
        found[key] = value
    return found
