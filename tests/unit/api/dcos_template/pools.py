"""Pools and tasks for tests, in a line each."""

from typing import Any

from api.mesos_listener.task import Port, Task
from scheduler.pools.model import (
    Backend,
    Check,
    Endpoint,
    EndpointType,
    Frontend,
    Haproxy,
    LinkBackend,
    MapRule,
    MarathonSelector,
    MesosSelector,
    Pool,
    Protocol,
    Service,
)


def task(task_id: str, **fields: Any) -> Task:
    """A healthy running task on 10.0.0.1 with one port."""
    values: dict[str, Any] = {
        "id": task_id,
        "framework_id": "f1",
        "name": task_id,
        "state": "TASK_RUNNING",
        "framework_name": "marathon",
        "marathon": True,
        "agent_id": "a1",
        "agent_hostname": "a1.example",
        "agent_address": "10.0.0.1",
        "ports": (Port(name="web", number=10001),),
    }
    return Task(**{**values, **fields})


def service(endpoint: Endpoint | None = None, **selectors: str) -> Service:
    """A service whose selector fields are named as in MarathonSelector and MesosSelector."""
    marathon = {name: value for name, value in selectors.items() if name.startswith(("service_", "container_"))}
    mesos = {name: value for name, value in selectors.items() if name not in marathon}
    return Service(marathon=MarathonSelector(**marathon), mesos=MesosSelector(**mesos), endpoint=endpoint or Endpoint())


def address(host: str, port: int, check: bool = True) -> Service:
    """A service with a fixed address."""
    return Service(endpoint=Endpoint(type=EndpointType.ADDRESS, address=host, port=port, check=Check(enabled=check)))


def backend(name: str, *services: Service, **fields: Any) -> Backend:
    """A backend."""
    return Backend(name=name, services=services, **fields)


def frontend(name: str, default: str = "", *rules: MapRule, **fields: Any) -> Frontend:
    """A frontend."""
    return Frontend(name=name, link_backend=LinkBackend(default_backend=default, map=rules), **fields)


def pool(name: str, *parts: Backend | Frontend, **fields: Any) -> Pool:
    """A pool of those frontends and backends."""
    return Pool(
        name=name,
        haproxy=Haproxy(
            frontends=tuple(part for part in parts if isinstance(part, Frontend)),
            backends=tuple(part for part in parts if isinstance(part, Backend)),
        ),
        **fields,
    )


TCP = {"protocol": Protocol.TCP}

#: A key for the cookies of sticky backends.
COOKIE_KEY = "0123456789abcdef0123456789abcdef"
