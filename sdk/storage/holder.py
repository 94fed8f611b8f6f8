"""Who is in charge, as the leadership node's child tells, and what a process is in this respect."""

from dataclasses import dataclass
from enum import Enum

import structlog

from sdk.errors import CorruptRecord
from sdk.storage.nodes import decode_json

_log = structlog.get_logger()


class Role(Enum):
    """What this process is at the moment."""

    STANDBY = "standby"
    LEADER = "leader"
    SUSPENDED = "suspended"
    """In charge as far as is known, but ZooKeeper does not answer: nothing may be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What the process in charge says of itself."""

    id: str
    url: str
    pid: int
    since: float


def parse_holder(path: str, data: bytes) -> Holder | None:
    """The holder in a leadership node or its `holder` child; None when empty or of a foreign form (logged)."""
    if not data:
        return None
    try:
        value = decode_json(path, data)
        return Holder(
            id=str(value["id"]), url=str(value["url"]), pid=int(value["pid"]), since=float(value.get("since", 0.0))
        )
    except (CorruptRecord, KeyError, TypeError, ValueError, AttributeError) as error:
        _log.warning("A leadership node holds no process description", path=path, error=str(error))
        return None
