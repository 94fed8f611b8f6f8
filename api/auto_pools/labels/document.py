"""The labels of one half of a group as values of the pool's model, each checked by the schema's own field. Pure."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from marshmallow import ValidationError

from api.auto_pools.claim import LabelProblem, Option
from api.auto_pools.labels.table import FIELDS, Section
from scheduler.pools.messages import problems_of
from scheduler.pools.model import Backend, Frontend
from scheduler.pools.problems import shown

_ORDER = {
    section: {field.name: place for place, field in enumerate(dataclasses.fields(kind))}
    for section, kind in ((Section.FRONTEND, Frontend), (Section.BACKEND, Backend))
}
Path = tuple[str, ...]
Json = dict[str, Any]


class Said(NamedTuple):
    """A label, its text as others may see it, and where that stands in the V2 form of a frontend or backend."""

    label: str
    text: str
    path: Path


class Values(NamedTuple):
    """What the labels of a half say, by the names of the V2 form; problems where they cannot be."""

    by_key: Mapping[str, Option]
    problems: tuple[LabelProblem, ...]


class Document:
    """The V2 form of a frontend or backend as far as labels say it, and which label says what."""

    def __init__(self, section: Section) -> None:
        self._section = section
        self._content: Json = {}
        self._said: dict[Path, Said] = {}
        self._problems: list[LabelProblem] = []

    def put(self, said: Said, value: Any) -> None:
        """Where two labels say the same thing, the first one has it and the other is a problem."""
        if _put(self._content, said.path, value):
            self._said[said.path] = said
        else:
            rule = f"is what {self._origin(said.path).label} says, too"
            self.refuse(said, rule, "remove one of the two")

    def refuse(self, said: Said, rule: str, remedy: str = "") -> None:
        """The label cannot be followed."""
        self._problems.append(LabelProblem(said.label, (said.text and shown(said.text)) or "", rule, remedy))

    def values(self) -> Values:
        """The values, each checked by the schema's field."""
        found: dict[str, Option] = {}
        for key, content in self._content.items():
            try:
                value = _checked(self._section, key, content)
            except ValidationError as error:
                self._blame(key, content, error)
                continue
            if value is not None:
                found[key] = Option(value, self._origin((key,)).label)
        return Values(found, tuple(self._problems))

    def _origin(self, path: Path) -> Said:
        """The label that says what stands at `path`: around it, within it, or beside it where that is missing."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._said:
                return self._said[path[:length]]
        for length in range(len(path), 0, -1):
            for at, said in self._said.items():
                if at[:length] == path[:length]:
                    return said
        raise AssertionError(f"nobody says {path}")

    def _blame(self, key: str, content: Any, error: ValidationError) -> None:
        for problem in problems_of({key: error.messages}, {key: content}):
            at = tuple(step for step in problem.keys or () if isinstance(step, str))
            said = self._origin(at)
            within = at[: len(said.path)] == said.path
            inner = ".".join(str(shown(step)) for step in (at[len(said.path) :] if within else at))
            self.refuse(said, f"{inner} {problem.rule}" if inner else problem.rule)


def options(section: Section, values: Mapping[str, Option], but: Iterable[str] = ()) -> tuple[tuple[str, Option], ...]:
    """By the fields of the model, in their order, without the keys in `but`."""
    named = ((str(FIELDS[section][key].name), option) for key, option in values.items() if key not in but)
    return tuple(sorted(named, key=lambda item: _ORDER[section][item[0]]))


def _checked(section: Section, key: str, content: Any) -> Any:
    """The value of the field; raises ValidationError."""
    if isinstance(content, dict):
        return _object(section, key, json.dumps(content))
    return FIELDS[section][key].deserialize(content)


# Reading an object takes a tenth of a millisecond, and many applications say the same.
@lru_cache(maxsize=4096)
def _object(section: Section, key: str, content: str) -> Any:
    return FIELDS[section][key].deserialize(json.loads(content))


def _put(document: Json, path: Path, value: Any) -> bool:
    """Whether there was room for it; objects are put together."""
    place: Any = document
    for step in path[:-1]:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            return False
    there = place.get(path[-1])
    if there is None:
        place[path[-1]] = value
        return True
    if not (isinstance(there, dict) and isinstance(value, dict)):
        return False
    # What fits stays: the label that does not costs the whole group.
    return min((_put(there, (key,), inner) for key, inner in value.items()), default=True)
