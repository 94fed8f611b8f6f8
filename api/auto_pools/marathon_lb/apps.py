"""Applications as Marathon's API tells them, as far as load balancers care. Pure.

Reads what `GET /v2/apps` answers, one application, or a list of them. Nothing in it is trusted: what is of another kind
than documented is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from api.mesos_listener.task import Labels

_HTTP_CHECKS = ("HTTP", "MESOS_HTTP")
_LARGEST_PORT = 65_535


class AppPort(NamedTuple):
    """A port of an application; `service` is its service port, 0 where there is none."""

    name: str = ""
    service: int = 0
    check_path: str = ""
    """Of its check by HTTP."""


class MarathonApp(NamedTuple):
    """An application."""

    id: str
    labels: Labels
    ports: tuple[AppPort, ...]


def read_apps(document: object) -> tuple[MarathonApp, ...]:
    """All applications that are found; raises ValueError where the document is none of what is read here."""
    if isinstance(document, Mapping) and isinstance(document.get("apps"), list):
        found = document["apps"]
    elif isinstance(document, Mapping) and "id" in document:
        found = [document]
    elif isinstance(document, list):
        found = document
    else:
        raise ValueError('is neither {"apps": [...]}, as Marathon answers at /v2/apps, nor an application, nor a list')
    apps = []
    for number, app in enumerate(found):
        if not isinstance(app, Mapping) or not isinstance(app.get("id"), str):
            raise ValueError(f"has no id in application {number}")
        apps.append(MarathonApp(app["id"], tuple(sorted(_labels(app))), tuple(_ports(app))))
    return tuple(apps)


def _labels(app: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    labels = app.get("labels")
    for label, text in labels.items() if isinstance(labels, Mapping) else ():
        if isinstance(label, str) and isinstance(text, str):
            yield label, text


def _ports(app: Mapping[str, Any]) -> Iterator[AppPort]:
    paths: dict[int, str] = {}
    for check in _objects(app.get("healthChecks")):
        path, index = check.get("path", "/"), check.get("portIndex", 0)
        if check.get("protocol", "HTTP") in _HTTP_CHECKS and isinstance(path, str) and isinstance(index, int):
            paths.setdefault(index, path)
    container = app.get("container")
    container = container if isinstance(container, Mapping) else {}
    docker = container.get("docker")
    mappings = container.get("portMappings") or (docker.get("portMappings") if isinstance(docker, Mapping) else None)
    defined = _objects(mappings) or _objects(app.get("portDefinitions"))
    for number, port in enumerate(defined):
        name, service = port.get("name"), port.get("servicePort", port.get("port"))
        yield AppPort(name if isinstance(name, str) else "", _port(service), paths.get(number, ""))
    if not defined:
        numbers = app.get("ports")
        for number, service in enumerate(numbers if isinstance(numbers, list) else ()):
            yield AppPort("", _port(service), paths.get(number, ""))


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _port(value: object) -> int:
    is_port = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_PORT
    return int(value) if is_port else 0  # type: ignore[call-overload]  # it is a number
