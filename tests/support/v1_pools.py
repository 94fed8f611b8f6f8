"""The documented pool files of version 1."""

from typing import Any

import yaml

from tests.support.pools import FOLDER

SUPPORTED = sorted(path.name for path in FOLDER.glob("v1-*"))


def config(name: str) -> dict[str, Any]:
    """The parsed file: `{"pools": [...]}`."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


def minimal_v1(**changes: object) -> dict[str, Any]:
    """A small valid pool of version 1 with top-level fields changed."""
    server = {"framework": {"value": "marathon"}, "task": {"value": "app"}, "port": {"name": "web"}}
    return {
        "name": "web",
        "haproxy": {
            "frontends": [{"bindPort": 80, "protocol": "HTTP", "linkBackend": {"defaultBackend": "app"}}],
            "backends": [{"name": "app", "protocol": "HTTP", "servers": [server]}],
        },
        **changes,
    }


def with_server(server: object) -> dict[str, Any]:
    """The small pool with another server."""
    pool = minimal_v1()
    pool["haproxy"]["backends"][0]["servers"] = [server]
    return pool
