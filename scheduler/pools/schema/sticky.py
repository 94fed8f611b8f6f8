"""The V2 form of stickiness, which is switched on by being there."""

from typing import Any

from marshmallow import post_load

from scheduler.pools.fields import Flag, Strict, Text
from scheduler.pools.model import Sticky
from scheduler.pools.words.cookie_words import cookie_problem


class StickySchema(Strict):
    enabled = Flag()
    custom_str = Text(cookie_problem, data_key="customStr")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Sticky:
        """An empty object switches it on."""
        return Sticky(**{"enabled": True, **super().make(data)})
