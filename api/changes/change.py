"""A change that a user made through the API, and the last ones as they are stored. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sdk.errors import CorruptRecord
from sdk.storage.nodes import decode_json, encode_json

MOST = 200
LONGEST_PATH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One request that was carried out."""

    at: float
    """Seconds since the epoch."""
    user: str
    client: str
    """The address from which it came."""
    method: str
    path: str
    name: str
    """Of the pool, for a pool template that of the pool which it makes; empty for what concerns all."""


def appended(changes: Sequence[Change], change: Change) -> tuple[Change, ...]:
    """With one more, the newest first; the oldest is forgotten."""
    return (change, *changes)[:MOST]


def encode(changes: Sequence[Change]) -> bytes:
    """What is stored."""
    return encode_json({"changes": [asdict(change) for change in changes]})


def decode(path: str, data: bytes) -> tuple[Change, ...]:
    """What was stored; CorruptRecord."""
    try:
        return tuple(
            Change(
                at=float(one["at"]),
                user=str(one["user"]),
                client=str(one["client"]),
                method=str(one["method"]),
                path=str(one["path"]),
                name=str(one["name"]),
            )
            for one in decode_json(path, data)["changes"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptRecord(path, "is no list of changes") from error
