"""Which files a content needs and what for, and how people call them. Pure."""

from collections.abc import Collection, Mapping
from enum import Enum, auto

from pool_executor.contract import AUTOCERT, AUTOCERT_FILE, SYSTEM, SYSTEM_FILE, Needs
from pool_executor.lbmgr.structure.content import Content


class Use(Enum):
    """What a file is there for: to be shown, with its key, or to judge what others show."""

    SHOWN = auto()
    JUDGES_CLIENTS = auto()
    JUDGES_SERVERS = auto()
    """Those that HAProxy has go on with what it had when it was loaded."""


def needed(content: Content | None) -> Mapping[str, Use]:
    """The files that are needed, and for what; of several uses the one with which most is asked of a file."""
    found: dict[str, Use] = {}
    parts = [text.part for text in content.parts.values()] if content is not None else []
    for part in parts:
        if part.listener:
            found |= dict.fromkeys(part.needs.authorities, Use.JUDGES_CLIENTS)
    for part in parts:
        if not part.listener:
            found |= dict.fromkeys(part.needs.authorities, Use.JUDGES_SERVERS)
    for part in parts:
        found |= dict.fromkeys((*part.needs.certificates, *part.needs.identities), Use.SHOWN)
    return found


def listed_by_name(content: Content | None) -> frozenset[str]:
    """Certificates whose own names stand in the lists by which HAProxy finds them."""
    parts = [text.part for text in content.parts.values()] if content is not None else []
    return frozenset(
        file for part in parts for file in part.needs.certificates if part.needs.hosts and file not in part.needs.hosts
    )


def does_without(needs: Needs, lacks: Collection[str]) -> bool:
    """Whether what is left of a listener's certificates is enough."""
    spare = set(needs.certificates) - set(needs.authorities) if needs.one_is_enough else set()
    return spare.issuperset(lacks) and not spare.issubset(lacks)


def effect(content: Content | None, name: str) -> str:
    """What it is like without a file that something stands in for."""
    parts = [text.part for text in content.parts.values()] if content is not None else []
    if any(part.listener and name in part.needs.certificates for part in parts):
        return "clients that need it are shown one that nobody trusts"
    return "servers that need it are down"


def spoken(name: str) -> str:
    """A file as people name it in a pool."""
    if name == AUTOCERT_FILE:
        return f"${AUTOCERT.upper()}"
    if name == SYSTEM_FILE:
        return f"${SYSTEM.upper()}"
    source, _, file = name.partition("/")
    return f"${source.upper()}/{file}"
