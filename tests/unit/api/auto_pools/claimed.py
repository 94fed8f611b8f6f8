"""A pool that holds what one claim asks for, and nothing else."""

from api.auto_pools.claim import Claim
from api.auto_pools.secret_files import secret_file
from scheduler.pools.model import (
    Backend,
    Frontend,
    Haproxy,
    LinkBackend,
    MesosSelector,
    Pool,
    Secret,
    Service,
)


def pool_of(claim: Claim) -> Pool:
    """A pool of this claim alone."""
    frontend = {name: option.value for name, option in claim.frontend}
    backend = {name: option.value for name, option in claim.backend}
    return Pool(
        name="auto-default",
        secrets=tuple(Secret(secret=name, file=secret_file(name)) for name in claim.secrets),
        haproxy=Haproxy(
            frontends=(
                Frontend(
                    name="f",
                    bind_port=claim.port,
                    redirects=claim.redirects,
                    link_backend=LinkBackend(map=claim.rules, default_backend="" if claim.rules else claim.group),
                    **frontend,  # type: ignore[arg-type]
                ),
            ),
            backends=(
                Backend(
                    name=claim.group,
                    services=(Service(mesos=MesosSelector(task_name="a"), endpoint=claim.endpoint),),
                    **backend,  # type: ignore[arg-type]
                ),
            ),
        ),
    )
