"""The files of a configuration: what they are called, and which backend stands in which."""

import hashlib
import re
from collections.abc import Iterable

from api.dcos_template.rendering.haproxy import Backend
from pool_executor.contract import SHARDS


def shard_of(backend: str) -> str:
    """The file in which a backend stands: always the same, whatever other backends there are."""
    return f"30-backends-{hashlib.sha256(backend.encode()).digest()[0] % SHARDS:02x}.cfg"


def shards(backends: Iterable[Backend]) -> dict[str, tuple[Backend, ...]]:
    """The backends of each file, in the order of their names."""
    found: dict[str, list[Backend]] = {}
    for backend in sorted(backends, key=lambda one: one.name):
        found.setdefault(shard_of(backend.name), []).append(backend)
    return {name: tuple(found[name]) for name in sorted(found)}


def file_slug(name: str) -> str:
    """A file name's middle for any name: itself when it is plain and short, else with a digest that keeps it unique."""
    if re.fullmatch(r"[a-z0-9-]{1,40}", name):
        return name
    plain = re.sub(r"[^a-z0-9-]", "-", name.lower())[:28]
    return f"{plain}.{hashlib.sha256(name.encode()).hexdigest()[:12]}"
