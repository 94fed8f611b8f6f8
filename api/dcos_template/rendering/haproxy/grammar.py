"""What names and words may be in a configuration."""

from enum import StrEnum

from scheduler.pools.model import RESERVED_NAMES
from sdk.errors import InvalidSpec
from sdk.net.names import LONGEST_NAME, NAME_RULE, is_name


class Mode(StrEnum):
    """HAProxy's `mode`."""

    HTTP = "http"
    TCP = "tcp"


def require(condition: bool, path: str, rule: str) -> None:
    """Raise InvalidSpec unless the condition holds."""
    if not condition:
        raise InvalidSpec(path, rule)


def require_name(name: str, path: str) -> None:
    """Raise InvalidSpec unless a section may be called so."""
    require(is_name(name), path, f"{name!r} is not a name for HAProxy: {NAME_RULE}, at most {LONGEST_NAME}")
    require(name not in RESERVED_NAMES, path, f"{name!r} is the name of a part of every load balancer")
