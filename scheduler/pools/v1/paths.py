"""Paths of version 2 as version 1 has them. Pure.

Only the fields of a service are elsewhere in a server; everything around them has one path in both versions.
"""

import re

_SERVICE = re.compile(r"(pool\.haproxy\.backends\[\d+\])\.services\[(\d+)\]((?:\.[A-Za-z]+)*)")
_FIELDS = (
    ("endpoint.portName", "port.name"),
    ("endpoint.allPorts", "port.all"),
    ("endpoint.address", "port.vip"),
    ("endpoint.port", "port.vip"),
    ("endpoint.", ""),
    ("mesos.framework", "framework.value"),
    ("mesos.task", "task.value"),
)
"""The beginnings of paths below a service, the longer ones first, and what stands there in a server."""


def v1_path(text: str) -> str:
    """The path, or a sentence with paths in it, with every path of a service as that of its server."""
    return _SERVICE.sub(lambda found: f"{found[1]}.servers[{found[2]}]{_field(found[3].lstrip('.'))}", text)


def _field(path: str) -> str:
    for begin, server in _FIELDS:
        if path.startswith(begin):
            # A whole field has another name; what is below the endpoint stands in the server itself.
            return f".{server or path.removeprefix(begin)}"
    return "" if path in ("", "endpoint") else f".{path}"
