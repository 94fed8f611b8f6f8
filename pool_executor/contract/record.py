"""JSON that another process wrote, read field by field: every complaint names the path of the field. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

from sdk.errors import CorruptRecord

_SHA256 = re.compile(r"[0-9a-f]{64}")


def dump(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def load(data: bytes, what: str) -> "Record":
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(what, f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorruptRecord(what, "is not a JSON object")
    return Record(value, "")


class Record:
    """A JSON object that is read field by field; every complaint names the path of the field."""

    def __init__(self, fields: Mapping[str, object], prefix: str) -> None:
        self._fields = fields
        self._prefix = prefix

    def path(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def names(self) -> Sequence[str]:
        return list(self._fields)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._fields.get(name) is not None

    def mappings(self, name: str) -> list["Record"]:
        items = self.items(name)
        for number, item in enumerate(items):
            if not isinstance(item, dict):
                raise CorruptRecord(f"{self.path(name)}[{number}]", "is not an object")
        return [Record(cast(dict[str, object], item), f"{self.path(name)}[{at}].") for at, item in enumerate(items)]

    def _get(self, name: str) -> object:
        if name not in self._fields:
            raise CorruptRecord(self.path(name), "is missing")
        return self._fields[name]

    def _wrong(self, name: str, wanted: str) -> CorruptRecord:
        return CorruptRecord(self.path(name), f"is {self._fields.get(name)!r:.80}; it must be {wanted}")

    def mapping(self, name: str) -> "Record":
        value = self._get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Record(value, f"{self.path(name)}.")

    def text(self, name: str) -> str:
        value = self._get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._get(name) is None else self.text(name)

    def digest(self, name: str) -> str:
        value = self.text(name)
        if not _SHA256.fullmatch(value):
            raise self._wrong(name, "a sha256 in lower-case hexadecimal")
        return value

    def integer(self, name: str, least: int) -> int:
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self._wrong(name, f"an integer of at least {least}")
        return value

    def optional_integer(self, name: str, least: int) -> int | None:
        return None if self._get(name) is None else self.integer(name, least)

    def number(self, name: str) -> float:
        value = self._get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(name, "a number")
        return float(value)

    def boolean(self, name: str) -> bool:
        value = self._get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def items(self, name: str) -> list[object]:
        """The list in a field, as it is."""
        value = self._get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        items = self.items(name)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(name, "a list of strings")
        return tuple(cast(list[str], items))

    def integers(self, name: str, least: int) -> tuple[int, ...]:
        items = self.items(name)
        if not all(isinstance(item, int) and not isinstance(item, bool) and item >= least for item in items):
            raise self._wrong(name, f"a list of integers of at least {least}")
        return tuple(cast(list[int], items))
