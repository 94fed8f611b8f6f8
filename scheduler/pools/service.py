"""A pool as the SDK's wish: which tasks, resources, ports and labels the instances of a pool have. Pure.

Knows what of a pool reaches Mesos. What only concerns HAProxy (routing, backends, stats options) is not here: it
travels in the bundle and never relaunches anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scheduler.pools.model import POOL_LABEL, STATS_PORT_NAME, Pool, PoolType, Relaunch, Revision
from sdk.model.container import ContainerSpec, NetworkSpec
from sdk.model.fingerprint import pod_config
from sdk.model.resources import milli
from sdk.model.spec import (
    CommandSpec,
    ExecutorSpec,
    PodSpec,
    PortSpec,
    RecoveryPolicy,
    ServiceSpec,
    StrategyKind,
    TaskSpec,
    UpdateStrategy,
    UriSpec,
)

POD = "edgelb-pool"
TASK = "server"
ARTIFACT = "pool_executor.pyz"
ARTIFACT_SUM = "{pool_executor.pyz}"
"""Stands for the sum of the executor's file, as the process that launches serves it: schedulers on other Pythons serve
other bytes of the same executor."""
_NO_PYTHON = "this agent has no python3: install Python 3.11 or later, or run the pool in an image that has it"

#: The part of an instance's resources that is counted on the executor must be enough for Mesos to accept it.
_LEAST_EXECUTOR_CPUS, _LEAST_EXECUTOR_MEM = milli(0.01), milli(32)
# Seconds in which a leaving instance finishes its connections, and what the executor may take on top.
KILL_GRACE, _SHUTDOWN_MARGIN = 30.0, 5.0
# What HAProxy processes that outlive a reload may cost; the reasons are in `pool_executor.lbmgr.haproxy.old_workers`.
OLD_WORKERS, HARD_STOP_AFTER, CLOSE_SPREAD = 10, 86400.0, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedHaproxy:
    """The HAProxy that agents fetch, because they need not have one: name of the archive, its sum, and where it is."""

    archive: str
    sha256: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What the instances of all pools have in common."""

    executor: str
    """The identity of the executor: another one relaunches all instances."""
    artifact_url: str
    """Where agents fetch it; `{advertised}` stands for the address of the scheduler that launches."""
    zk: str
    zk_root: str
    framework: str = "edgelb"
    """Name of the role below the pool's own role that reservations are made for."""
    replace_after: float = 60.0
    kill_grace: float = KILL_GRACE
    old_workers: int = OLD_WORKERS
    hard_stop_after: float = HARD_STOP_AFTER
    close_spread: float = CLOSE_SPREAD
    haproxy: ServedHaproxy | None = None
    """None: each agent's own."""


def task_id_prefix(pool: str) -> str:
    """How the task ids of a pool's instances begin."""
    return f"dcos-edgelb.pools.{pool}"


def port_name(pool: Pool, listener: str) -> str:
    """Name of the task port on which `listener` (a frontend's name, or `stats`) listens.

    Ports that were allocated ahead with `pool.ports` are named by their number: a frontend that comes to use one of
    them later must not change the task. So are those of frontends that labels ask for: instances may have some of them.
    Any port will do for number 0, and each frontend has one of its own.
    """
    return _called(pool, listener, next(number for name, number in pool.port_wishes if name == listener))


def _called(pool: Pool, listener: str, number: int) -> str:
    by_number = pool.ports or (_is_optional(pool, listener) and number != 0)
    return f"port-{number}" if by_number else listener


def _is_optional(pool: Pool, listener: str) -> bool:
    """Whether an instance is launched although no offer holds the port of `listener`.

    Labels can ask for any port, and whoever does is a stranger to the others. People who write a pool want its ports.
    """
    return pool.type is PoolType.DYNAMIC and listener != STATS_PORT_NAME


def task_ports(pool: Pool) -> tuple[PortSpec, ...]:
    """The ports of each instance; number 0 is taken from the offer."""
    if pool.ports:
        return tuple(PortSpec(name=f"port-{number}", number=number) for number in sorted(pool.ports))
    return tuple(
        PortSpec(name=_called(pool, name, number), number=number, optional=_is_optional(pool, name))
        for name, number in pool.port_wishes
    )


def roles(pool: Pool, framework: str) -> tuple[str, str | None]:
    """The role that instances run under and the static reservation it refines, None for unreserved resources."""
    if pool.role == "*":
        return framework, None
    return f"{pool.role}/{framework}", pool.role


def launches_ahead(pool: Pool) -> bool:
    """Whether the next task of an instance is launched before its present one is ended, where there is a place.

    It has another address or other ports then. Unless somebody says so, only clients that have to ask for them anyway
    are given others: an address in somebody's DNS must not change because the pool got more memory.
    """
    if pool.relaunch is Relaunch.AUTO:
        return bool(pool.networks) or not any(port.number for port in task_ports(pool))
    return pool.relaunch is Relaunch.AHEAD


def kill_grace(pool: Pool, deployment: Deployment) -> float:
    """Seconds in which an instance that leaves lets its connections finish."""
    return float(pool.drain_time) or deployment.kill_grace


def service_spec(pool: Pool, revision: Revision, deployment: Deployment) -> ServiceSpec:
    """The wish for `pool`; `revision` says of which state of it."""
    role, prereserved = roles(pool, deployment.framework)
    pod = PodSpec(
        name=POD,
        count=pool.count,
        tasks=(_task(pool, deployment),),
        role=role,
        prereserved_role=prereserved,
        constraints=tuple(constraint.parts for constraint in pool.placement),
        recovery=RecoveryPolicy(replace_after=deployment.replace_after),
        update=UpdateStrategy(kind=StrategyKind.SERIAL, max_unavailable=1, max_surge=int(launches_ahead(pool))),
    )
    spec = ServiceSpec(name=pool.name, pods=(pod,), task_id_prefix=task_id_prefix(pool.name))
    # Volatile labels have no part in the fingerprint, so it can be told in one of them.
    told = (
        ("EDGELB_POOL_VERSION", str(revision.version)),
        ("EDGELB_POOL_UID", revision.uid),
        ("EDGELB_CONFIG", pod_config(pod, spec)[:12]),
    )
    return replace(spec, pods=(replace(pod, tasks=(replace(pod.tasks[0], volatile_labels=told),)),))


def _task(pool: Pool, deployment: Deployment) -> TaskSpec:
    return TaskSpec(
        name=TASK,
        cpus=milli(pool.cpus) + milli(pool.cpus_admin_overhead),
        mem=milli(pool.mem) + milli(pool.mem_admin_overhead),
        disk=milli(pool.disk),
        ports=task_ports(pool),
        executor=_executor(pool, deployment),
        container=ContainerSpec(
            image=pool.container_image or None,
            networks=tuple(
                NetworkSpec(name=network.name, labels=tuple((one.name, one.value) for one in network.labels))
                for network in pool.networks
            ),
        ),
        labels=((POOL_LABEL, pool.name),),
        discovery_name=f"{pool.name}.pools.dcos-edgelb",
        data=_data(pool, deployment),
        reports_health=True,
        kill_grace=kill_grace(pool, deployment),
    )


def _executor(pool: Pool, deployment: Deployment) -> ExecutorSpec:
    # Without Python nobody could tell Mesos more than the exit status, so the sentence goes to stderr in the sandbox.
    # Mesos' fetcher has no checksums: the command proves what it was given before it runs it.
    command = (
        f"command -v python3 >/dev/null || {{ echo '{_NO_PYTHON}' >&2; exit 1; }}; "
        f"echo '{ARTIFACT_SUM}  {ARTIFACT}' | sha256sum -c - >/dev/null && exec python3 {ARTIFACT}"
    )
    return ExecutorSpec(
        command=CommandSpec(
            value=command,
            uris=tuple(
                UriSpec(value=url, extract=False, cache=False, output_file=name) for name, url in _files(deployment)
            ),
        ),
        cpus=max(milli(pool.cpus_admin_overhead), _LEAST_EXECUTOR_CPUS),
        mem=max(milli(pool.mem_admin_overhead), _LEAST_EXECUTOR_MEM),
        name=f"{POD} executor",
        shutdown_grace=kill_grace(pool, deployment) + _SHUTDOWN_MARGIN,
    )


def _files(deployment: Deployment) -> list[tuple[str, str]]:
    """Name in the sandbox and URL of what an agent fetches for an instance."""
    served = deployment.haproxy
    return [(ARTIFACT, deployment.artifact_url), *([(served.archive, served.url)] if served is not None else [])]


def _data(pool: Pool, deployment: Deployment) -> Mapping[str, object]:
    """TaskInfo.data but for what the SDK adds: port numbers, the instance's name, the task id."""
    check, served = pool.healthcheck, deployment.haproxy
    return {
        "pool": pool.name,
        "executor": deployment.executor,
        "zk": deployment.zk,
        "zk_root": deployment.zk_root,
        "health": {
            "grace": check.grace_period,
            "interval": check.interval,
            "max_fail": check.max_fail,
            "timeout": check.timeout,
        },
        "kill_grace": kill_grace(pool, deployment),
        "old_workers": {
            "most": deployment.old_workers,
            "hard_stop_after": deployment.hard_stop_after,
            "close_spread": deployment.close_spread,
        },
        "bind": _binds(pool),
        # Here, and not in the command: the views of Mesos do not show it.
        **({"environment": {one.name: one.value for one in pool.environment}} if pool.environment else {}),
        **({"haproxy": {"archive": served.archive, "sha256": served.sha256}} if served is not None else {}),
    }


def _binds(pool: Pool) -> Mapping[str, str]:
    """Addresses other than the default, by task port: where the executor looks for a listener that is in the way."""
    if pool.ports or pool.type is PoolType.DYNAMIC:
        return {}  # which listener uses which port may change without a relaunch
    addresses = {frontend.name: frontend.bind_address for frontend in pool.haproxy.frontends}
    addresses["stats"] = pool.haproxy.stats.listens_at
    return {name: address for name, address in sorted(addresses.items()) if address != "0.0.0.0"}
