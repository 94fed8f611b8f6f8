"""What pool templates may call, beside what Jinja has: functions of values, without files, network or clock. Pure."""

import datetime
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sdk.pattern import Pattern
from sdk.strict_json import unique

_LONGEST_PATTERN = 1000


def parse_labels(labels: Mapping[str, str]) -> dict[str, Any]:
    """Labels as nested objects, by the dots in their names: `edgelb.web.frontend.port` is in `edgelb`, `web`, ...

    Where a label is the beginning of another one, its own value stands under the empty name.
    """
    found: dict[str, Any] = {}
    for label in sorted(labels):
        at = found
        *folders, last = label.split(".")
        for folder in folders:
            there = at.setdefault(folder, {})
            if not isinstance(there, dict):
                there = at[folder] = {"": there}
            at = there
        at[last] = labels[label]
    return found


def as_list(text: str, delimiter: str = ",") -> list[str]:
    """The entries of a label that holds several, without blanks around them; none of an empty one."""
    return [entry.strip() for entry in text.split(delimiter)] if text.strip() else []


def as_dict(text: str, item_delimiter: str = "|", key_delimiter: str = ":") -> dict[str, str]:
    """The items of a label such as `hostEq:example.com|pathBeg:/`."""
    items = (entry.partition(key_delimiter) for entry in as_list(text, item_delimiter))
    return {key.strip(): value.strip() for key, _, value in items}


def sha256(text: str) -> str:
    """Its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def crc32(text: str) -> int:
    """A number from 0 to 4294967295 that follows the text."""
    return zlib.crc32(text.encode())


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern of RE2 is found anywhere in the text."""
    return Pattern(pattern[:_LONGEST_PATTERN]).found_in(text)


def flatten(values: Iterable[Any]) -> list[Any]:
    """The entries of lists in a list, in one list."""
    return [one for value in values for one in (flatten(value) if isinstance(value, list | tuple) else [value])]


def from_json(text: str) -> Any:
    """The value that stands there as JSON."""
    return json.loads(text, object_pairs_hook=unique)


def date(seconds: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """Seconds since 1970 as a date in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime(form)


def merge(base: object, change: object) -> Any:
    """`base` with what `change` says: objects are merged, null removes, all else replaces (RFC 7396)."""
    if not isinstance(change, Mapping):
        return change
    kept = dict(base) if isinstance(base, Mapping) else {}
    for name, value in change.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = merge(kept.get(name), value)
    return kept


FUNCTIONS: Sequence[Callable[..., Any]] = (
    parse_labels,
    as_list,
    as_dict,
    sha256,
    crc32,
    matches,
    flatten,
    from_json,
    date,
    merge,
)
"""Each is a function and a filter."""
