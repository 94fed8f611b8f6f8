"""What a frontend changes in the headers of requests and answers."""

from dataclasses import dataclass
from enum import StrEnum


class HeaderAction(StrEnum):
    """What is done with a header."""

    SET = "SET"
    """It has this value alone, whatever others had said."""
    ADD = "ADD"
    """It has this value as well."""
    REMOVE = "REMOVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """One change; `value` is taken as it is."""

    name: str
    value: str = ""
    action: HeaderAction = HeaderAction.SET


@dataclass(frozen=True, slots=True, kw_only=True)
class Hsts:
    """Browsers shall ask this host by HTTPS alone for `max_age` seconds (Strict-Transport-Security)."""

    max_age: int = 15_768_000
    include_sub_domains: bool = False
    preload: bool = False
