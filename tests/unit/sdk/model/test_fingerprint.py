"""Which changes ask for a relaunch."""

from dataclasses import replace
from typing import Any

import pytest

from sdk.model.container import ContainerSpec, NetworkSpec
from sdk.model.fingerprint import pod_config, service_config
from sdk.model.spec import (
    CommandSpec,
    ExecutorSpec,
    Goal,
    HealthCheckSpec,
    PodSpec,
    PortSpec,
    RecoveryPolicy,
    ServiceSpec,
    TaskSpec,
    UpdateStrategy,
    UriSpec,
)

TASK = TaskSpec(name="server", cpus=1000, mem=1000, command=CommandSpec(value="x", environment={"A": "1", "B": "2"}))
POD = PodSpec(name="lb", count=1, tasks=(TASK,))
SERVICE = ServiceSpec(name="web", pods=(POD,))


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 5},
        {"constraints": (("hostname", "UNIQUE"),)},
        {"recovery": RecoveryPolicy(replace_after=1.0)},
        {"update": UpdateStrategy(max_unavailable=3)},
        {"update": UpdateStrategy(max_surge=1)},
        {"tasks": (replace(TASK, volatile_labels=(("version", "2"),)),)},
        {"tasks": (replace(TASK, ports=(*TASK.ports, PortSpec(name="odd", number=22, optional=True))),)},
    ],
)
def test_what_concerns_only_the_future_keeps_the_fingerprint(fields: dict[str, Any]) -> None:
    """The pod's fingerprint stays, the service's configuration id changes."""
    changed = replace(POD, **fields)
    assert pod_config(changed, SERVICE) == pod_config(POD, SERVICE)
    assert service_config(replace(SERVICE, pods=(changed,))) != service_config(SERVICE)


@pytest.mark.parametrize(
    "fields",
    [
        {"cpus": 1001},
        {"ports": (PortSpec(name="a"),)},
        {"command": CommandSpec(value="y")},
        {"command": None, "executor": ExecutorSpec(command=CommandSpec(value="x"))},
        {"labels": (("a", "b"),)},
        {"data": {"a": [1, {"b": None}]}},
        {"kill_grace": 6.0},
        {"container": ContainerSpec(image="edgelb:1")},
        {"container": ContainerSpec(networks=(NetworkSpec(name="dcos"),))},
        {"container": ContainerSpec(networks=(NetworkSpec(name="dcos", labels=(("a", "b"),)),))},
    ],
)
def test_what_a_task_is_made_of_changes_the_fingerprint(fields: dict[str, Any]) -> None:
    """Any difference that the running task would show counts."""
    assert pod_config(replace(POD, tasks=(replace(TASK, **fields),)), SERVICE) != pod_config(POD, SERVICE)


def test_order_of_mappings_does_not_matter() -> None:
    """Two dictionaries with the same content have one fingerprint."""
    other = replace(TASK, command=CommandSpec(value="x", environment={"B": "2", "A": "1"}))
    assert pod_config(replace(POD, tasks=(other,)), SERVICE) == pod_config(POD, SERVICE)


def test_a_container_that_says_nothing_is_no_change() -> None:
    """What was launched before there were containers in specs is not launched again."""
    assert pod_config(replace(POD, tasks=(replace(TASK, container=ContainerSpec()),)), SERVICE) == pod_config(
        POD, SERVICE
    )


def test_upgrades_of_the_library_relaunch_nobody() -> None:
    """These are the fingerprints that a spec with all that earlier releases knew had there."""
    server = TaskSpec(
        name="server",
        cpus=1000,
        mem=1_024_000,
        disk=256_000,
        ports=(
            PortSpec(name="http", number=80, env="HTTP", protocol="udp", labels=(("VIP_0", "/web:80"),)),
            PortSpec(name="any", ranges=((31000, 31009),)),
            PortSpec(name="more", number=81, optional=True),
        ),
        executor=ExecutorSpec(
            command=CommandSpec(
                value="run",
                environment={"A": "1"},
                uris=(UriSpec(value="http://x/y.zip", executable=True, extract=False, cache=True, output_file="y"),),
                user="nobody",
            ),
            cpus=200,
            mem=64_000,
            name="own",
            shutdown_grace=35.0,
        ),
        container=ContainerSpec(image="img", networks=(NetworkSpec(name="calico", labels=(("a", "b"),)),)),
        environment={"B": "2"},
        labels=(("pool", "web"),),
        volatile_labels=(("version", "3"),),
        discovery_name="web.pools",
        data={"zk": "zk:2181", "health": {"grace": 1.5}, "bind": []},
        reports_health=True,
        kill_grace=30.0,
    )
    job = TaskSpec(
        name="job",
        cpus=100,
        mem=32_000,
        ports=(PortSpec(name="admin"),),
        command=CommandSpec(value="exec job"),
        health_check=HealthCheckSpec(http_path="/", port="admin", grace=1.0, interval=2.0, timeout=3.0, max_failures=4),
        goal=Goal.ONCE,
    )
    pod = PodSpec(
        name="lb",
        count=2,
        tasks=(server, job),
        role="slave_public/web",
        prereserved_role="slave_public",
        constraints=(("hostname", "UNIQUE"),),
        recovery=RecoveryPolicy(replace_after=5.0),
        update=UpdateStrategy(max_surge=1),
    )
    spec = ServiceSpec(name="web", pods=(pod,), task_id_prefix="edgelb.pools.web")
    assert pod_config(pod, spec) == "dd972d82dd187fe99711b513e93c2bf96c6c3abdf4eaaf7fd58d9e7c498085ba"
    assert service_config(spec) == "417305d5827e72dba5caac45c5cc1c4fec3c1d2275fbf77ebe755d4f27b05edf"
