"""The version of everything below a root, so that an old program never works on a newer tree."""

import threading
from collections.abc import Iterable

import structlog

from sdk.errors import CorruptRecord, EnvironmentProblem, StorageUnavailable
from sdk.retry import Policy
from sdk.storage.connection import NodeExists, ZooKeeper, encode_json

_log = structlog.get_logger()

SCHEMA = 1
# ZooKeeper may answer and yet not let us in, for as long as nobody mends the credentials.
_AGAIN = Policy(first=0.5, most=30.0)
_LOOK_SECONDS = 0.5


def wait_for_schema(zookeeper: ZooKeeper, roots: Iterable[str], stop: threading.Event) -> None:
    """`ensure_schema` for each root as soon as ZooKeeper allows it; returns when that is done or `stop` is set.

    Raises what `ensure_schema` raises, but for StorageUnavailable, which is logged and tried again.
    """
    backoff = _AGAIN.backoff()
    while not stop.is_set():
        if not zookeeper.wait_connected(_LOOK_SECONDS):
            continue  # the connection says why, and goes on saying it
        try:
            for root in roots:
                ensure_schema(zookeeper, root)
        except StorageUnavailable as error:
            _log.warning("The version of the tree cannot be read yet", error=str(error))
            stop.wait(backoff.delay())
        else:
            return


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
