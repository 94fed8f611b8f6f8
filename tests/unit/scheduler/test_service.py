"""A pool as the wish that Mesos sees: resources, ports, roles, labels, and what a change asks for."""

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.pools.change import Change, causes, classify
from scheduler.pools.model import (
    Backend,
    EnvironmentVariable,
    Frontend,
    Haproxy,
    LinkBackend,
    NetworkLabel,
    Pool,
    PoolType,
    Relaunch,
    Revision,
    Stats,
    VirtualNetwork,
)
from scheduler.pools.service import (
    ARTIFACT_SUM,
    Deployment,
    ServedHaproxy,
    launches_ahead,
    port_name,
    service_spec,
    task_ports,
)
from sdk.model.container import ContainerSpec, NetworkSpec
from sdk.model.fingerprint import pod_config
from sdk.model.spec import PodSpec, ServiceSpec, TaskSpec

DEPLOYMENT = Deployment(executor="ab" * 32, artifact_url="{advertised}/v1/x", zk="zk:2181", zk_root="/edgelb")
POOL = Pool(
    name="web",
    count=2,
    constraints="hostname:UNIQUE",
    haproxy=Haproxy(
        frontends=(
            Frontend(name="http", bind_port=80, link_backend=LinkBackend(default_backend="app")),
            Frontend(name="other", bind_port=0, bind_address="127.0.0.1"),
        ),
        backends=(Backend(name="app"),),
    ),
)


def _spec(pool: Pool = POOL) -> ServiceSpec:
    return service_spec(pool, Revision("u", 3), DEPLOYMENT)


def _pod(pool: Pool = POOL) -> PodSpec:
    return _spec(pool).pods[0]


def _task(pool: Pool = POOL) -> TaskSpec:
    return _pod(pool).tasks[0]


def test_names_are_those_of_the_documentation() -> None:
    """Service, pod, task, task id prefix and DiscoveryInfo follow the contract."""
    spec = _spec()
    assert (spec.name, spec.task_id_prefix) == ("web", "dcos-edgelb.pools.web")
    assert (_pod().name, _pod().count, _task().name) == ("edgelb-pool", 2, "server")
    assert _task().discovery_name == "web.pools.dcos-edgelb"


def test_resources_are_the_pools_with_its_overheads() -> None:
    """0.9 + 0.1 cpus, 992 + 32 MB, 256 MB of disk; the overheads are the executor's part."""
    task = _task()
    assert (task.cpus, task.mem, task.disk) == (1000, 1_024_000, 256_000)
    assert task.executor is not None
    assert (task.executor.cpus, task.executor.mem) == (100, 32_000)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("slave_public", ("slave_public/edgelb", "slave_public")),
        ("*", ("edgelb", None)),
        ("gpu", ("gpu/edgelb", "gpu")),
    ],
)
def test_roles_refine_the_pools_role(role: str, expected: tuple[str, str | None]) -> None:
    """Static reservations of the pool's role are refined; unreserved resources are reserved for our own role."""
    pod = _pod(replace(POOL, role=role))
    assert (pod.role, pod.prereserved_role) == expected


def test_ports_are_those_of_the_listeners() -> None:
    """One per frontend by its name, and the statistics; 0 comes from the offer."""
    assert [(port.name, port.number) for port in task_ports(POOL)] == [("http", 80), ("other", 0), ("stats", 9090)]
    assert port_name(POOL, "http") == "http"
    assert _task().data is not None
    assert _task().data["bind"] == {"other": "127.0.0.1"}  # type: ignore[index]


def test_ports_that_labels_ask_for_are_optional_and_relaunch_nothing() -> None:
    """An instance runs as it should without them; statistics are the pool's own."""
    pool = replace(POOL, type=PoolType.DYNAMIC)
    assert [(port.name, port.number, port.optional) for port in task_ports(pool)] == [
        ("port-80", 80, True),
        ("other", 0, True),
        ("stats", 9090, False),
    ]
    assert port_name(pool, "http") == "port-80"
    assert port_name(pool, "stats") == "stats"
    fewer = replace(pool, haproxy=replace(pool.haproxy, frontends=pool.haproxy.frontends[:1]))
    assert classify(pool, fewer) is not Change.RELAUNCH


def test_ports_allocated_ahead_are_named_by_number_so_that_new_frontends_relaunch_nothing() -> None:
    """With `ports` a frontend that comes to use one of them changes only the bundle."""
    fixed = Haproxy(stats=Stats(bind_port=9090), frontends=(Frontend(name="http", bind_port=80),))
    pool = replace(POOL, ports=(9090, 80, 443), haproxy=fixed)
    assert [(port.name, port.number) for port in task_ports(pool)] == [
        ("port-80", 80),
        ("port-443", 443),
        ("port-9090", 9090),
    ]
    assert (port_name(pool, "http"), port_name(pool, "stats")) == ("port-80", "port-9090")
    more = replace(fixed, frontends=(*fixed.frontends, Frontend(name="tls", bind_port=443, bind_address="10.0.0.1")))
    assert classify(pool, replace(pool, haproxy=more)) is Change.RELOAD


def test_the_command_says_that_python_is_missing(tmp_path: Path) -> None:
    """The operator reads a sentence in the sandbox instead of a shell's complaint."""
    executor = _task().executor
    assert executor is not None
    done = subprocess.run(
        ["/bin/sh", "-c", executor.command.value],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path)},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("this agent has no python3: install Python 3.11 or later")


def test_the_command_runs_only_what_it_was_meant_to_run(tmp_path: Path) -> None:
    """The launch command checks the sum of the artifact before it runs it."""
    artifact = tmp_path / "pool_executor.pyz"
    artifact.write_text("print('ran')\n")
    executor = _task().executor
    assert executor is not None
    command = executor.command.value.replace(ARTIFACT_SUM, hashlib.sha256(artifact.read_bytes()).hexdigest())
    good = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (good.returncode, good.stdout) == (0, "ran\n")
    artifact.write_text("print('something else')\n")
    bad = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert bad.returncode != 0
    assert bad.stdout == ""
    uri = executor.command.uris[0]
    assert (uri.value, uri.extract, uri.cache) == ("{advertised}/v1/x", False, False)


def test_labels_tell_pool_version_and_configuration() -> None:
    """The version is volatile; the configuration's name is the fingerprint that the SDK compares."""
    task = _task()
    assert task.labels == (("EDGELB_POOL", "web"),)
    told = dict(task.volatile_labels)
    assert (told["EDGELB_POOL_UID"], told["EDGELB_POOL_VERSION"]) == ("u", "3")
    assert len(told["EDGELB_CONFIG"]) == 12
    assert (
        dict(service_spec(POOL, Revision("v", 4), DEPLOYMENT).pods[0].tasks[0].volatile_labels)["EDGELB_CONFIG"]
        == told["EDGELB_CONFIG"]
    )


def test_the_executor_learns_where_and_what() -> None:
    """TaskInfo.data as the contract has it, but for what the SDK adds."""
    assert _task().data == {
        "pool": "web",
        "executor": "ab" * 32,
        "zk": "zk:2181",
        "zk_root": "/edgelb",
        "health": {"grace": 180, "interval": 12, "max_fail": 5, "timeout": 60},
        "kill_grace": 30.0,
        "old_workers": {"most": 10, "hard_stop_after": 86400.0, "close_spread": 0.0},
        "bind": {"other": "127.0.0.1"},
    }
    assert _task().reports_health


def test_variables_reach_the_executor_and_no_view_of_mesos() -> None:
    """Mesos shows the command and its environment; `data` is for the executor alone."""
    variables = (EnvironmentVariable(name="ELB_FILE_KEY", value="key"),)
    [pod] = service_spec(replace(POOL, environment=variables), Revision("u", 3), DEPLOYMENT).pods
    task = pod.tasks[0]
    assert task.data is not None
    assert task.data["environment"] == {"ELB_FILE_KEY": "key"}
    assert "ELB_FILE_KEY" not in repr(task.executor)


def test_agents_fetch_a_haproxy_where_one_is_served() -> None:
    """Its sum is part of what runs: another one relaunches; where it is fetched from is the leader's business."""
    served = ServedHaproxy(archive="haproxy.zip", sha256="cd" * 32, url="{advertised}/v1/h")
    task = service_spec(POOL, Revision("u", 3), replace(DEPLOYMENT, haproxy=served)).pods[0].tasks[0]
    assert task.executor is not None
    assert [(uri.value, uri.output_file) for uri in task.executor.command.uris] == [
        ("{advertised}/v1/x", "pool_executor.pyz"),
        ("{advertised}/v1/h", "haproxy.zip"),
    ]
    assert task.data is not None
    assert task.data["haproxy"] == {"archive": "haproxy.zip", "sha256": "cd" * 32}


def test_a_pool_may_have_its_own_time_to_drain() -> None:
    """Mesos, the executor and its process are told the same."""
    task = _task(replace(POOL, drain_time=300))

    assert task.kill_grace == 300.0
    assert task.executor is not None
    assert task.executor.shutdown_grace == 305.0
    assert task.data is not None
    assert task.data["kill_grace"] == 300.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Change.NONE),
        ({"haproxy": replace(POOL.haproxy, backends=())}, Change.RELOAD),
        ({"namespace": "elsewhere"}, Change.RELOAD),
        ({"count": 3}, Change.SCALE),
        ({"constraints": ""}, Change.SCALE),
        ({"relaunch": Relaunch.AHEAD}, Change.SCALE),
        ({"principal": "me", "secret_name": "mine"}, Change.RELOAD),
        ({"container_image": "edgelb"}, Change.RELAUNCH),
        ({"drain_time": 300}, Change.RELAUNCH),
        ({"networks": (VirtualNetwork(name="dcos"),)}, Change.RELAUNCH),
        ({"cpus": 2.0}, Change.RELAUNCH),
        ({"environment": (EnvironmentVariable(name="A", value="b"),)}, Change.RELAUNCH),
        ({"auto_certificate": True}, Change.RELOAD),
        ({"role": "*"}, Change.RELAUNCH),
        ({"haproxy": replace(POOL.haproxy, stats=Stats(bind_port=9091))}, Change.RELAUNCH),
        ({"haproxy": replace(POOL.haproxy, frontends=POOL.haproxy.frontends[:1])}, Change.RELAUNCH),
        ({"cpus": 2.0, "count": 5}, Change.RELAUNCH),
    ],
)
def test_a_change_is_classified_by_what_it_asks_of_running_instances(
    change: dict[str, object], expected: Change
) -> None:
    """Routing reloads, numbers scale, resources and ports relaunch."""
    assert classify(POOL, replace(POOL, **change)) is expected  # type: ignore[arg-type]


def test_instances_run_in_the_image_and_on_the_networks_of_the_pool() -> None:
    """With the labels that the plugins of the networks are told."""
    networks = (VirtualNetwork(name="dcos", labels=(NetworkLabel(name="a", value="b"),)), VirtualNetwork(name="other"))
    assert _task(replace(POOL, container_image="edgelb:1", networks=networks)).container == ContainerSpec(
        image="edgelb:1", networks=(NetworkSpec(name="dcos", labels=(("a", "b"),)), NetworkSpec(name="other"))
    )
    assert _task().container == ContainerSpec()


@pytest.mark.parametrize(
    ("relaunch", "networks", "port", "ahead"),
    [
        (Relaunch.AUTO, (), 80, False),
        (Relaunch.AUTO, (), 0, True),
        (Relaunch.AUTO, (VirtualNetwork(name="dcos"),), 80, True),
        (Relaunch.AHEAD, (), 80, True),
        (Relaunch.IN_PLACE, (), 0, False),
        (Relaunch.IN_PLACE, (VirtualNetwork(name="dcos"),), 80, False),
    ],
)
def test_an_address_that_clients_may_know_by_heart_is_kept(
    relaunch: Relaunch, networks: tuple[VirtualNetwork, ...], port: int, ahead: bool
) -> None:
    """Unless the pool says otherwise; where they have to ask for it, the next task is launched ahead."""
    haproxy = Haproxy(stats=Stats(bind_port=0), frontends=(Frontend(name="http", bind_port=port),))
    pool = replace(POOL, relaunch=relaunch, networks=networks, haproxy=haproxy)
    assert launches_ahead(pool) is ahead
    assert _pod(pool).update.max_surge == int(ahead)
    assert not launches_ahead(replace(POOL, ports=(80, 9090)))


def test_another_executor_relaunches_and_another_leader_does_not() -> None:
    """What the artifact is made of is part of what runs; where it is fetched from, and its bytes, are the leader's."""
    old, new = _spec(), service_spec(POOL, Revision("u", 3), replace(DEPLOYMENT, executor="cd" * 32))
    assert pod_config(old.pods[0], old) != pod_config(new.pods[0], new)
    executor = _task().executor
    assert executor is not None
    assert f"echo '{ARTIFACT_SUM}  pool_executor.pyz' | sha256sum -c" in executor.command.value


def test_the_fields_that_ask_for_a_change_are_named() -> None:
    """Each that does so by itself, and no other: nobody wonders why a load balancer moves."""
    http, other = POOL.haproxy.frontends
    moved = replace(http, bind_port=81, link_backend=LinkBackend())
    haproxy = replace(POOL.haproxy, frontends=(moved, Frontend(name="third")), backends=())
    after = replace(POOL, cpus=2.0, count=3, namespace="x", haproxy=haproxy)
    assert causes(POOL, after, Change.RELAUNCH) == (
        "pool.cpus",
        "pool.haproxy.frontends[0].bindPort",
        "pool.haproxy.frontends[1]",
        f"pool.haproxy.frontends ({other.name} is gone)",
    )
    assert causes(POOL, replace(POOL, count=3), Change.SCALE) == ("pool.count",)
    joined = replace(POOL, networks=(VirtualNetwork(name="dcos"),))
    assert causes(POOL, joined, Change.RELAUNCH) == ("pool.virtualNetworks",)
    slower = replace(POOL, healthcheck=replace(POOL.healthcheck, max_fail=9))
    assert causes(POOL, slower, Change.RELAUNCH) == ("pool.poolHealthcheckMaxFail",)
