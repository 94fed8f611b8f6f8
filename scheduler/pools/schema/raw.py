"""The JSON form of lines in HAProxy's own words."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from scheduler.pools.fields import Items, Text
from scheduler.pools.raw import MOST_LINES, Place, line_problem


class RawLines(Items):
    """An array of lines that may stand in a section of that kind."""

    def __init__(self, place: Place, **kwargs: Any) -> None:
        # Required, as an empty line is no line.
        super().__init__(Text(lambda text: line_problem(text, place), required=True, normal=str.strip), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, list) and len(value) > MOST_LINES:
            raise ValidationError(f"must not have more than {MOST_LINES} lines")
        return super()._deserialize(value, attr, data, **kwargs)
