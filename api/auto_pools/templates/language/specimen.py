"""A pool and tasks with which a template is tried before it is stored. Pure."""

from dataclasses import replace

from api.mesos_listener.task import Port, Task
from scheduler.pools.model import (
    AUTOCERT,
    DEFAULT_ADDRESS,
    Backend,
    Endpoint,
    Frontend,
    LinkBackend,
    MapRule,
    MarathonSelector,
    MesosSelector,
    Pool,
    Protocol,
    Service,
)


def specimen_pool(base: Pool) -> Pool:
    """What would be made of two applications, one that says nothing and one with a host of its own."""
    backends = tuple(
        Backend(
            name=name,
            services=(
                Service(
                    marathon=MarathonSelector(service_id=f"/{name}"),
                    mesos=MesosSelector(framework_name="marathon"),
                    endpoint=Endpoint(port_name="web"),
                ),
            ),
        )
        for name in ("__default__", "shop")
    )
    rules = (
        MapRule(backend="shop", host_eq="shop.example.com", path_beg="/"),
        MapRule(backend="__default__", path_beg="/"),
    )
    frontends = tuple(
        Frontend(
            name=Frontend.default_name(DEFAULT_ADDRESS, port),
            bind_port=port,
            protocol=protocol,
            certificates=certificates,
            link_backend=LinkBackend(map=rules),
        )
        for port, protocol, certificates in ((80, Protocol.HTTP, ()), (443, Protocol.HTTPS, (AUTOCERT,)))
    )
    haproxy = replace(base.haproxy, frontends=frontends, backends=backends)
    return replace(base, auto_certificate=True, haproxy=haproxy)


def specimen_tasks(template: str) -> tuple[Task, ...]:
    """Of two such applications."""
    asked = {"shop": {"edgelb.shop.frontend.rules": "hostEq:shop.example.com", "edgelb.shop.backend.portName": "web"}}
    return tuple(
        Task(
            id=f"{name}.instance-00000000-0000-0000-0000-000000000000._app.1",
            framework_id="00000000-0000-0000-0000-000000000000-0000",
            framework_name="marathon",
            name=name,
            state="TASK_RUNNING",
            marathon=True,
            marathon_id=f"/{name}",
            role="*",
            ports=(Port(name="web", number=31000, protocol="tcp"),),
            labels=tuple(sorted({"edgelb.expose": "true", "edgelb.template": template, **asked.get(name, {})}.items())),
        )
        for name in ("web", "shop")
    )
