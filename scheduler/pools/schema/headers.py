"""The V2 form of changes to headers."""

from typing import Any

from marshmallow import ValidationError, post_load, validate

from scheduler.pools.fields import Choice, Flag, Items, Strict, Text, Whole, nested
from scheduler.pools.model.headers import HeaderAction, HeaderRule, Hsts
from scheduler.pools.words.headers import header_name, header_value

_MOST = 100


class HeaderRuleSchema(Strict):
    MODEL = HeaderRule
    name = Text(header_name, required=True)
    value = Text(header_value)
    action = Choice(HeaderAction)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """What is set has a value, and what is removed has none."""
        kept: HeaderRule = super().make(data)
        removes = kept.action is HeaderAction.REMOVE
        if removes and kept.value:
            raise ValidationError("is removed whatever it says; leave the value out", "value")
        if not removes and not kept.value:
            raise ValidationError("is missing; to remove the header say so in action", "value")
        return kept


def header_rules(data_key: str) -> Any:
    """An array of changes, in the order in which they are made."""
    few = validate.Length(max=_MOST, error=f"must not have more than {_MOST} entries")
    return Items(nested(HeaderRuleSchema), data_key=data_key, validate=few)


class HstsSchema(Strict):
    MODEL = Hsts
    max_age = Whole(0, 10 * 365 * 86400, data_key="maxAge")
    include_sub_domains = Flag(data_key="includeSubDomains")
    preload = Flag()
