"""The marshmallow fields and the base schema that the pool's schema is made of.

Stricter than marshmallow's own: a number is not a string, true is not 1, null means absent (as the product's Go
decoder had it). Knows nothing of pools.
"""

import difflib
import json
import math
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validates_schema

Rule = Callable[[str], str | None]


# A refused "2" is shown as 2: without this, the sentence would deny that 2 is a number.
_QUOTED = ", not a string"

_LONGEST_MISTAKE = 64
"""Characters: nobody means a field by a longer name, and comparing takes time by its square."""


class Strict(Schema):
    """Refuses unknown fields, treats null as absent, and makes a `MODEL` of what was loaded."""

    MODEL: ClassVar[type[Any] | None] = None
    MEANT: ClassVar[Mapping[str, str]] = {}
    """Names that files of other releases have here, and what they are called now."""

    class Meta:
        """marshmallow's options."""

        # Refused below: marshmallow's own RAISE copies all errors for each of them, which is quadratic.
        unknown = EXCLUDE

    @pre_load
    def drop_nulls(self, data: Any, **_: object) -> Any:
        """Null is how Go writes what is not set."""
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """The model object. What is absent gets the model's default; fields that only refuse leave nothing behind."""
        refusing = {name for name, field in self.fields.items() if field.load_only}
        kept = {key: value for key, value in data.items() if value is not None and key not in refusing}
        return kept if self.MODEL is None else self.MODEL(**kept)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def refuse_unknown(self, _data: Any, original: Any, **_: object) -> None:
        """Every field that is not known is refused, unless it is null."""
        if isinstance(original, Mapping):
            found = {
                name: [Unknown(name=str(name), known=self.known_fields, meant=self.MEANT.get(str(name)))]
                for name, value in original.items()
                if value is not None and name not in self.known_fields
            }
            if found:
                raise ValidationError(found)

    @cached_property
    def known_fields(self) -> dict[str, None]:
        """Names as they stand in JSON, sorted."""
        return dict.fromkeys(sorted(field.data_key or name for name, field in self.fields.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The rule that an unknown field breaks; what may be meant is looked for only when somebody wants to read it."""

    name: str
    known: Mapping[str, None]
    meant: str | None = None

    def __str__(self) -> str:
        if self.meant:
            return f"unknown field; did you mean {self.meant}?"
        near = difflib.get_close_matches(self.name, self.known, n=1) if len(self.name) <= _LONGEST_MISTAKE else []
        if near:
            return f"unknown field; did you mean {near[0]}?"
        return f"unknown field; known are {', '.join(self.known)}"


class Value(fields.Field[Any]):
    """A field whose reading and writing depend on the value alone."""

    def read(self, value: Any) -> Any:
        """The loaded value; raises ValidationError with the rule it breaks."""
        return value

    def write(self, value: Any) -> Any:
        """The JSON value."""
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's signature
        return self.read(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's signature
        return self.write(value)


class NotYet(Value):
    """A documented field that is not supported yet: only `accepted` (its default or zero value) is let through."""

    def __init__(self, *accepted: object, rule: str = "not supported yet", **kwargs: Any) -> None:
        super().__init__(load_only=True, **kwargs)
        self.accepted = accepted
        self.rule = rule

    def read(self, value: Any) -> Any:
        # type as well as value: 0 == False in Python.
        if any(type(value) is type(item) and value == item for item in self.accepted):
            return value
        raise ValidationError(self.rule)


class Text(Value):
    """A string under a rule, which sees it in its `normal` form: so it is kept.

    `""`, Go's zero value, means absent unless the field is required or `nullable`.
    """

    def __init__(
        self, rule: Rule, *, nullable: bool = False, normal: Callable[[str], str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rule = rule
        self.nullable = nullable
        self.normal = normal

    def read(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError("must be a string")
        if not value and not self.required:
            return value if self.nullable else None
        text = self.normal(value) if self.normal else value
        if problem := self.rule(text):
            raise ValidationError(problem)
        return text


class Choice(Value):
    """One of an enumeration."""

    def __init__(self, enum: type[Enum], *, why_not: Mapping[str, str] = MappingProxyType({}), **kwargs: Any) -> None:
        """`why_not` has the reasons against values that somebody may expect."""
        super().__init__(**kwargs)
        self.enum = enum
        self.why_not = why_not

    def read(self, value: Any) -> Any:
        try:
            return self.enum(value)
        except ValueError:
            reason = self.why_not.get(value) if isinstance(value, str) else None
            known = ", ".join(str(item.value) for item in self.enum)
            raise ValidationError(f"must be one of {known}{f': {reason}' if reason else ''}") from None

    def write(self, value: Any) -> Any:
        return value.value


class Whole(Value):
    """A whole number between two bounds; `unset` is a documented value that means not given, kept as None."""

    def __init__(self, low: int, high: int, *, unset: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.unset = low, high, unset

    def read(self, value: Any) -> Any:
        # JSON has no integers: 80.0 is the same number as 80 there, and YAML writers produce it.
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, bool) or not isinstance(whole, int):
            raise ValidationError(f"must be a whole number{_QUOTED if isinstance(value, str) else ''}")
        if self.unset is not None and whole == self.unset:
            return None
        if not self.low <= whole <= self.high:
            raise ValidationError(f"must be between {self.low} and {self.high}")
        return whole

    def write(self, value: Any) -> Any:
        return self.unset if value is None else value


class WholeOf(Whole):
    """One of some whole numbers."""

    def __init__(self, numbers: Collection[int], **kwargs: Any) -> None:
        super().__init__(min(numbers), max(numbers), **kwargs)
        self.numbers = numbers

    def read(self, value: Any) -> Any:
        whole = super().read(value)
        if whole not in self.numbers:
            raise ValidationError(f"must be one of {', '.join(map(str, self.numbers))}")
        return whole


class Number(Value):
    """A number between two bounds."""

    def __init__(self, low: float, high: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high = low, high

    def read(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError(f"must be a number{_QUOTED if isinstance(value, str) else ''}")
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise ValidationError(f"must be between {self.low:g} and {self.high:g}")
        return float(value)


class Flag(Value):
    """true or false."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class Items(fields.List[Any]):
    """An array, kept as a tuple."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise ValidationError("must be an array")
        return tuple(super()._deserialize(value, attr, data, **kwargs))


class ItemsAgain(Items):
    """The same of objects that come again and again: one of a pool's backends changes, and all of them are sent.

    What was read well is the same when it is read again. What is written is each time one's own: whoever gets it may
    change it.
    """

    _MOST, _LONGEST = 4096, 4000

    def _bind_to_schema(self, field_name: str, parent: Any) -> None:
        super()._bind_to_schema(field_name, parent)
        self._known = lru_cache(maxsize=self._MOST)(lambda text: self.inner.deserialize(json.loads(text)))
        self._written = lru_cache(maxsize=self._MOST)(lambda item: json.dumps(self.inner._serialize(item, None, None)))

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, list):
            # Whatever is wrong with one of them is said below, with its place in the array. YAML has values that JSON
            # has not.
            with suppress(ValidationError, TypeError, ValueError, RecursionError):
                return tuple(self._again(item) for item in value)
        return super()._deserialize(value, attr, data, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's signature
        return None if value is None else [json.loads(self._written(item)) for item in value]

    def _again(self, item: Any) -> Any:
        text = json.dumps(item)
        return self._known(text) if len(text) <= self._LONGEST else self.inner.deserialize(item)


def nested(schema: type[Strict], data_key: str | None = None) -> Any:
    """An object of its own."""
    return fields.Nested(schema, data_key=data_key)
