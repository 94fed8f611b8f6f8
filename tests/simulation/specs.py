"""Specs that the stories share."""

from dataclasses import replace

from sdk.model.spec import CommandSpec, PodSpec, PortSpec, RecoveryPolicy, ServiceSpec, TaskSpec, UpdateStrategy

ROLE = "sim-role"


def service(
    name: str = "web",
    *,
    count: int = 1,
    cpus: float = 0.5,
    command: str = "sleep 1000",
    ports: tuple[PortSpec, ...] = (PortSpec(name="http"),),
    constraints: tuple[tuple[str, ...], ...] = (),
    recovery: RecoveryPolicy | None = None,
    update: UpdateStrategy | None = None,
    role: str = ROLE,
    prereserved_role: str | None = None,
) -> ServiceSpec:
    """A service of one pod `app` with one task `server`."""
    return ServiceSpec(
        name=name,
        pods=(
            PodSpec(
                name="app",
                count=count,
                role=role,
                prereserved_role=prereserved_role,
                constraints=constraints,
                recovery=recovery or RecoveryPolicy(replace_after=20.0),
                update=update or UpdateStrategy(),
                tasks=(
                    TaskSpec(
                        name="server",
                        cpus=round(cpus * 1000),
                        mem=64_000,
                        ports=ports,
                        command=CommandSpec(value=command),
                    ),
                ),
            ),
        ),
    )


def changed(spec: ServiceSpec, **fields: object) -> ServiceSpec:
    """The service with other fields of its pod."""
    return replace(spec, pods=(replace(spec.pods[0], **fields),))  # type: ignore[arg-type]
