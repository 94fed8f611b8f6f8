"""Names that stand in configurations, orders and paths: what they may be made of, and how long they may be. Pure.

One grammar for whoever takes a name from people, hands it on, or takes it from another process. It is narrower than
those of the programs behind it: nothing that a parser or a command line would unquote, expand or split at.
"""

import re

from sdk.net.address import is_address

#: Of a name that people give to something.
LONGEST_NAME = 96
#: Of a name that is made of others, of an address and a port for example.
LONGEST_JOINED_NAME = 512
NAME_RULE = "letters, digits and : _ . -"

_LONGEST_HOST = 253
_LONGEST_LABEL = 63
"""Of a DNS name, between two dots."""

_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_KEY = re.compile(r"[a-z0-9_.-]{0,64}")
_LABELS = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")
_NUMBERS = re.compile(r"[0-9.]+")


def is_name(text: str, longest: int = LONGEST_NAME) -> bool:
    """Whether `text` is a name of NAME_RULE and of at most so many characters."""
    return len(text) <= longest and _NAME.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether `text` is a key that our own programs make up; it may be empty."""
    return _KEY.fullmatch(text) is not None


def host_problem(text: str) -> str | None:
    """The rule that the name of a host or an IPv4 address breaks, as the end of a sentence; None when it is one."""
    if len(text) > _LONGEST_HOST or not _LABELS.fullmatch(text):
        return "must be an IPv4 address or a host name"
    if _NUMBERS.fullmatch(text):
        return None if is_address(text) else "is not an IPv4 address"
    if any(len(label) > _LONGEST_LABEL for label in text.split(".")):
        return f"must not have a part between dots that is longer than {_LONGEST_LABEL} characters"
    return None


def is_host(text: str) -> bool:
    """Whether `text` is the name of a host or an IPv4 address."""
    return host_problem(text) is None
