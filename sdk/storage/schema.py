"""The version of everything below a root, so that an old program never works on a newer tree."""

import threading
from collections.abc import Iterable

import structlog

from sdk.errors import CorruptRecord, EnvironmentProblem, StorageUnavailable
from sdk.storage.connection import NodeExists, ZooKeeper, encode_json

SCHEMA = 1
_AGAIN = 1.0

_log = structlog.get_logger()


def await_schema(zookeeper: ZooKeeper, roots: Iterable[str], stop: threading.Event) -> None:
    """Return when the trees at all `roots` are known to be ones that this program understands, or when `stop` is set.

    Raises EnvironmentProblem or CorruptRecord when one is not.
    """
    left = list(roots)
    while left and not stop.is_set():
        if not zookeeper.wait_connected(_AGAIN):
            continue  # the connection says why, and goes on saying it
        try:
            ensure_schema(zookeeper, left[-1])
        except StorageUnavailable as error:
            # There is a connection: it is slow, or does not let us, which only shows here.
            _log.warning("The version of the tree cannot be read yet; trying again", root=left[-1], error=str(error))
            stop.wait(_AGAIN)
        else:
            left.pop()


def ensure_schema(zookeeper: ZooKeeper, root: str) -> None:
    """Write `<root>/schema` on a fresh tree; raises EnvironmentProblem when a newer program made it."""
    path = f"{root.rstrip('/')}/schema"
    found = zookeeper.get_json(path)
    if found is None:
        try:
            zookeeper.create(path, encode_json({"version": SCHEMA}))
        except NodeExists:
            ensure_schema(zookeeper, root)
        return
    value = found[0]
    version = value.get("version") if isinstance(value, dict) else None
    if not isinstance(version, int):
        raise CorruptRecord(path, 'must be {"version": <number>}')
    if version > SCHEMA:
        raise EnvironmentProblem(
            f"{path} says version {version}, this program knows {SCHEMA}: a newer program wrote the tree; run that one"
        )
