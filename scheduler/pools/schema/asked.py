"""The V2 form of what rules ask of headers and cookies."""

from typing import Any

from marshmallow import ValidationError, post_load, validate

from scheduler.pools import expression
from scheduler.pools.fields import Items, Strict, Text, nested
from scheduler.pools.model import Asked
from scheduler.pools.words import asked_texts

_FEW = validate.Length(max=asked_texts.MOST, error=f"must not have more than {asked_texts.MOST} entries")


class _AskedSchema(Strict):
    MODEL = Asked
    value_reg = Text(expression.problem, data_key="valueReg")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """The condition, which looks at a value in one way."""
        kept: Asked = super().make(data)
        if kept.value_eq and kept.value_reg:
            raise ValidationError("stands beside valueEq; give one of them", "valueReg")
        return kept


class AskedHeaderSchema(_AskedSchema):
    name = Text(asked_texts.header, required=True)
    value_eq = Text(asked_texts.header_value, data_key="valueEq")


class AskedCookieSchema(_AskedSchema):
    name = Text(asked_texts.cookie, required=True)
    value_eq = Text(asked_texts.cookie_value, data_key="valueEq")


def asked(schema: type[_AskedSchema]) -> Any:
    """An array of them, all of which have to hold."""
    return Items(nested(schema), validate=_FEW)
