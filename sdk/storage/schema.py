"""The version of everything below a root, so that an old program never works on a newer tree."""

from sdk.errors import CorruptRecord, EnvironmentProblem
from sdk.storage.connection import NodeExists, ZooKeeper, encode_json

SCHEMA = 1


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
