"""What kazoo answers and raises, in our values and errors. Pure."""

from collections.abc import Sequence
from typing import Any

from kazoo import exceptions as kz
from kazoo.handlers.threading import KazooTimeoutError

from sdk.errors import SdkError, StorageUnavailable
from sdk.storage.nodes import BadVersion, Create, NodeExists, NoNode, NotEmpty, Op, Set, Stat


def stat_of(raw: Any) -> Stat | None:
    """Of kazoo's ZnodeStat."""
    if raw is None:
        return None
    return Stat(
        version=raw.version,
        created=raw.czxid,
        modified=raw.mzxid,
        children_version=raw.cversion,
        owner=raw.ephemeralOwner,
    )


def results(ops: Sequence[Op], answers: Sequence[Any]) -> list[int | str | None]:
    """What a multi answers; raises the StorageConflict of the first operation that does not fit."""
    found: list[int | str | None] = []
    for op, answer in zip(ops, answers, strict=True):
        if isinstance(answer, kz.RolledBackError | kz.RuntimeInconsistency):
            continue  # not the culprit: another operation of the multi is
        if isinstance(answer, Exception):
            raise translated(op.path, answer) from answer
        if isinstance(op, Set):
            found.append(answer.version)
        else:
            found.append(answer if isinstance(op, Create) else None)
    return found


def translated(path: str, error: Exception, address: str = "") -> SdkError:
    """The error that our callers know."""
    match error:
        case kz.NodeExistsError():
            return NodeExists(path, "exists already")
        case kz.NoNodeError():
            return NoNode(path, "does not exist")
        case kz.BadVersionError():
            return BadVersion(path, "was written by somebody else in between")
        case kz.NotEmptyError():
            return NotEmpty(path, "has children")
        case kz.NoAuthError() | kz.AuthFailedError() | kz.InvalidACLError():
            return StorageUnavailable(f"ZooKeeper at {address} does not let us touch {path}: check the credentials")
        case KazooTimeoutError():
            return StorageUnavailable(
                f"ZooKeeper at {address} did not answer in time; {path} may or may not be changed"
            )
        case _:
            return StorageUnavailable(
                f"ZooKeeper at {address} lost the connection ({type(error).__name__}); {path} may or may not be changed"
            )
