"""All records of a kind at one moment. Pure."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class RecordView(Mapping[str, T]):
    """All by name; views of one watch share those that did not change, so that telling them apart costs nothing.

    `unreadable` names nodes that could not be read and were never readable since we look. Such a record exists: whoever
    acts on absence must leave what belongs to it alone.
    """

    def __init__(self, records: Mapping[str, T], unreadable: Mapping[str, str]) -> None:
        self._records = dict(sorted(records.items()))
        self.unreadable: Mapping[str, str] = dict(sorted(unreadable.items()))

    def __getitem__(self, name: str) -> T:
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordView) and (self._records, self.unreadable) == (other._records, other.unreadable)

    def __hash__(self) -> int:
        return hash(tuple(self._records.items()))
