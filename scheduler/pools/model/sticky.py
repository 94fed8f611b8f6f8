"""Whether clients stay with the server that answered them first, and by which cookie."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticky:
    """Stickiness by a cookie; without effect on TCP backends."""

    enabled: bool = False
    custom_str: str = ""
    """The cookie in HAProxy's words, instead of the usual one."""
