"""The documented pool files, and which of them hold fields that are not supported yet."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "data" / "pools"

# File -> one field path that has to be refused.
REFUSED = {
    "v2-aws-nlb-internet-facing.json": "pool.cloudProvider",
    "v2-quirk-no-frontend-protocol-and-v1-framework-key.json": "pool.haproxy.backends[0].services[0].framework",
    "v2-quirk-rewrite-host-and-misplaced-request-object.json": "pool.haproxy.backends[0].request",
    "v2-quirk-vhost-routing-tls-frontend-with-host-maps.json": "pool.haproxy.frontends[1].linkBackend.map[0]",
}

ALL = sorted(path.name for path in FOLDER.glob("v2-*.json"))
SUPPORTED = [name for name in ALL if name not in REFUSED]


def example(name: str) -> dict[str, Any]:
    """The parsed file."""
    found: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return found


def minimal(**changes: object) -> dict[str, Any]:
    """A small valid pool with top-level fields changed."""
    return {
        "name": "web",
        "haproxy": {
            "frontends": [{"bindPort": 80, "protocol": "HTTP", "linkBackend": {"defaultBackend": "app"}}],
            "backends": [
                {
                    "name": "app",
                    "protocol": "HTTP",
                    "services": [{"marathon": {"serviceID": "/app"}, "endpoint": {"portName": "web"}}],
                }
            ],
        },
        **changes,
    }
