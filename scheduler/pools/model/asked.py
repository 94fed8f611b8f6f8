"""What a rule asks of a header or a cookie of a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """It is there, and it says `value_eq`, or `value_reg` is found in it, where one of them is given."""

    name: str
    value_eq: str = ""
    value_reg: str = ""
