"""A pool as tables for people, whichever version it is written in."""

from collections.abc import Iterator
from typing import Any

from api.cli.output import table

MADE_OF_LABELS = "template-dynamic"
"""Type of a pool that the template process makes of labels."""


def summary(pool: dict[str, Any]) -> tuple[str, str, str]:
    """Version, count and role."""
    return pool.get("apiVersion", "V2"), str(pool.get("count", 0)), pool.get("role", "")


def kind(pool: dict[str, Any]) -> str:
    """Who writes it; a pool of version 1 does not say that people do."""
    return str(pool.get("type", "static"))


def is_made_of_labels(pool: dict[str, Any]) -> bool:
    """Whether the pool is written by the template process, and by nobody else."""
    return kind(pool) == MADE_OF_LABELS


def ports(pool: dict[str, Any]) -> list[int]:
    """The ports that the load balancers listen on, sorted; 0 is any."""
    haproxy = pool.get("haproxy", {})
    listeners = [*haproxy.get("frontends", []), haproxy.get("stats", {})]
    return sorted(set(pool.get("ports") or (listener.get("bindPort", 0) for listener in listeners)))


def described(pool: dict[str, Any]) -> str:
    """Everything that people look for in a pool, in sections."""
    haproxy = pool.get("haproxy", {})
    backends = haproxy.get("backends", [])
    stats = str(haproxy.get("stats", {}).get("bindPort", 0))
    sections: list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]] = [
        (
            "Summary",
            ("NAME", "APIVERSION", "COUNT", "ROLE", "CONSTRAINTS", "STATSPORT", "TYPE"),
            [(pool["name"], *summary(pool), pool.get("constraints", ""), stats, kind(pool))],
        ),
        (
            "Frontends",
            ("NAME", "PORT", "PROTOCOL"),
            [(one["name"], str(one.get("bindPort", 0)), one["protocol"]) for one in haproxy.get("frontends", [])],
        ),
        ("Backends", ("FRONTEND", "NAME", "PROTOCOL", "BALANCE"), list(_backends(haproxy))),
        (
            "Marathon Services",
            ("BACKEND", "TYPE", "SERVICE", "CONTAINER", "PORT", "CHECK"),
            list(_services(backends, "marathon", "serviceID", "containerName")),
        ),
        (
            "Mesos Services",
            ("BACKEND", "TYPE", "FRAMEWORK", "TASK", "PORT", "CHECK"),
            [*_services(backends, "mesos", "frameworkName", "taskName"), *_servers(backends)],
        ),
    ]
    return "\n\n".join(f"{title}:\n{table(header, rows)}" for title, header, rows in sections)


def _backends(haproxy: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for backend in haproxy.get("backends", []):
        users = [
            frontend["name"]
            for frontend in haproxy.get("frontends", [])
            if backend["name"] in _linked(frontend.get("linkBackend", {}))
        ]
        yield ", ".join(users), backend["name"], backend["protocol"], backend.get("balance", "")


def _linked(link: dict[str, Any]) -> set[str]:
    return {link.get("defaultBackend", "")} | {rule["backend"] for rule in link.get("map", [])}


def _services(
    backends: list[dict[str, Any]], selector: str, first: str, second: str
) -> Iterator[tuple[str, str, str, str, str, str]]:
    for backend in backends:
        for service in backend.get("services", []):
            chosen, endpoint = service.get(selector, {}), service.get("endpoint", {})
            # An address selects no task; it stands with the Mesos services so that it is not lost.
            if not chosen and not (selector == "mesos" and endpoint.get("type") == "ADDRESS"):
                continue
            yield (
                backend["name"],
                endpoint.get("type", "AUTO_IP"),
                _selected(chosen, first) or endpoint.get("address", ""),
                _selected(chosen, second),
                _endpoint_port(endpoint),
                _check(endpoint),
            )


def _servers(backends: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Of version 1, which knows tasks of Mesos only."""
    for backend in backends:
        for server in backend.get("servers", []):
            port = server.get("port", {})
            yield (
                backend["name"],
                server.get("type", "AUTO_IP"),
                _matched(server.get("framework", {})),
                _matched(server.get("task", {})),
                port.get("vip") or ("all ports" if port.get("all") else port.get("name") or "first port"),
                _check(server),
            )


def _matched(name: dict[str, Any]) -> str:
    value = str(name.get("value", ""))
    return f"/{value}/" if value and name.get("match") == "REGEX" else value


def _check(endpoint: dict[str, Any]) -> str:
    return "enabled" if endpoint.get("check", {}).get("enabled", True) else "disabled"


def _selected(chosen: dict[str, Any], field: str) -> str:
    id_field = field.replace("Name", "ID")
    for name in (field, f"{field}Pattern", id_field, f"{id_field}Pattern"):
        if chosen.get(name):
            return f"/{chosen[name]}/" if name.endswith("Pattern") else str(chosen[name])
    return ""


def _endpoint_port(endpoint: dict[str, Any]) -> str:
    if endpoint.get("allPorts"):
        return "all ports"
    port = endpoint.get("port", -1)
    return endpoint.get("portName") or (str(port) if port > 0 else "first port")
