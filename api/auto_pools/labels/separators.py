"""What stands between the items of a label's value, and how lists and objects are read from it. Pure.

`hostEq:a.test|pathBeg:/x,hostEq:b.test` is a list of two objects. Which characters separate is up to the application.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from api.auto_pools.claim import LabelProblem
from scheduler.pools.problems import shown

LIST_LABEL, ITEM_LABEL, KEY_LABEL = "edgelb.delimiter", "edgelb.item_delimiter", "edgelb.key_delimiter"

_SEPARATOR = re.compile(r"[!-/:-@\[-`{-~]{1,8}")


class Unreadable(ValueError):
    """A value cannot be read; `rule` and `remedy` are as in LabelProblem."""

    def __init__(self, rule: str, remedy: str = "") -> None:
        super().__init__(rule)
        self.rule, self.remedy = rule, remedy


class Separators(NamedTuple):
    """Between the items of a list, between the pairs of an object, and between key and value of a pair."""

    of_lists: str = ","
    of_items: str = "|"
    of_keys: str = ":"

    def items(self, text: str) -> list[str]:
        """The items of a list; raises Unreadable for one that is empty."""
        found = [item.strip() for item in text.split(self.of_lists)]
        if not all(found):
            raise Unreadable("holds an empty item", f"leave out one of the separators {self.of_lists} ({LIST_LABEL})")
        return found

    def pairs(self, text: str) -> dict[str, str]:
        """The pairs of an object; raises Unreadable."""
        found: dict[str, str] = {}
        for pair in text.split(self.of_items):
            key, separator, value = pair.partition(self.of_keys)
            key = key.strip()
            if not separator or not key:
                remedy = f"write <key>{self.of_keys}<value>; {ITEM_LABEL} and {KEY_LABEL} change what separates them"
                raise Unreadable(f"holds {shown(pair)}, which has no key", remedy)
            if key in found:
                raise Unreadable(f"holds {shown(key)} twice", f"write another object for it, behind {self.of_lists}")
            found[key] = value.strip()
        return found


_USUAL = Separators()


def read_separators(labels: Mapping[str, str]) -> Separators | LabelProblem:
    """Those that the labels name, `,`, `|` and `:` where they do not."""
    usual = _USUAL
    if not (LIST_LABEL in labels or ITEM_LABEL in labels or KEY_LABEL in labels):
        return usual
    named = {
        LIST_LABEL: labels.get(LIST_LABEL) or usual.of_lists,
        ITEM_LABEL: labels.get(ITEM_LABEL) or usual.of_items,
        KEY_LABEL: labels.get(KEY_LABEL) or usual.of_keys,
    }
    for label, separator in named.items():
        if rule := _problem(separator, [other for name, other in named.items() if name != label]):
            remedy = f"leave the label out for {dict(zip(named, usual, strict=True))[label]}"
            return LabelProblem(label, shown(separator) or "", rule, remedy)
    return Separators(*named.values())


def _problem(separator: str, others: Iterable[str]) -> str | None:
    if not _SEPARATOR.fullmatch(separator):
        return "must be 1 to 8 punctuation characters of ASCII"
    if any(separator in other for other in others):
        return "is, or is part of, what separates something else"
    return None
