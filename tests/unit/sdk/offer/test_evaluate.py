"""Requirements against offers."""

import itertools
import json
from dataclasses import replace

import pytest

from sdk.model.container import ContainerSpec, NetworkSpec
from sdk.model.ids import ConfigId, FrameworkId
from sdk.model.operations import Launch, Reserve, Unreserve
from sdk.model.resources import Attribute, Offer, Reservation, Resource
from sdk.model.spec import CommandSpec, ExecutorSpec, PodSpec, PortSpec, TaskSpec
from sdk.offer.algebra import add, contain
from sdk.offer.evaluate import Match, Refusal, evaluate
from sdk.offer.place import Others, Place, Places
from sdk.offer.pool import Pool, pools
from sdk.offer.requirement import Claimant, Requirement
from sdk.offer.rules import Known

FRAMEWORK = FrameworkId("fw-1")
STATIC = Reservation(role="slave_public", dynamic=False)


def claimant() -> Claimant:
    """A framework with ids id0, id1, ..."""
    counter = itertools.count()
    return Claimant(
        framework_ids=(FRAMEWORK,),
        framework_name="fw",
        principal="principal",
        now=1000.0,
        new_id=lambda: f"id{next(counter)}",
    )


def task(**fields: object) -> TaskSpec:
    """A task of one core, 128 MB, a static and a dynamic port."""
    values: dict[str, object] = {
        "name": "server",
        "cpus": 1000,
        "mem": 128_000,
        "ports": (PortSpec(name="web", number=80), PortSpec(name="stats")),
        "command": CommandSpec(value="run"),
    }
    return TaskSpec(**{**values, **fields})  # type: ignore[arg-type]


def requirement(*tasks: TaskSpec, **fields: object) -> Requirement:
    """An instance lb-0 of a pod in role web-role."""
    pod = PodSpec(name="lb", count=2, role="web-role", tasks=tasks or (task(),))
    values: dict[str, object] = {
        "service": "web",
        "pod": pod,
        "index": 0,
        "config": ConfigId("config"),
        "prefix": "prefix",
        "tasks": pod.tasks,
    }
    return Requirement(**{**values, **fields})  # type: ignore[arg-type]


def offer(
    *, reservations: tuple[Reservation, ...] = (), cpus: int = 4000, offer_id: str = "o1", **fields: object
) -> Offer:
    """An offer of agent1 to web-role."""
    resources = (
        Resource(name="cpus", scalar=cpus, reservations=reservations, allocation_role="web-role"),
        Resource(name="mem", scalar=1_024_000, reservations=reservations, allocation_role="web-role"),
        Resource(name="disk", scalar=1_024_000, reservations=reservations, allocation_role="web-role"),
        Resource(
            name="ports", ranges=((80, 80), (31000, 31009)), reservations=reservations, allocation_role="web-role"
        ),
    )
    values: dict[str, object] = {
        "id": offer_id,
        "framework_id": FRAMEWORK,
        "agent_id": "s1",
        "hostname": "agent1",
        "role": "web-role",
        "resources": resources,
        "address": "10.0.0.1",
    }
    return Offer(**{**values, **fields})  # type: ignore[arg-type]


def pool(*offers: Offer) -> Pool:
    """The offers as one pool."""
    found = pools(offers or (offer(),))
    assert len(found) == 1
    return found[0]


def matched(verdict: Match | Refusal) -> Match:
    """The match, or a failure with the reasons."""
    assert isinstance(verdict, Match), verdict
    return verdict


def refused(verdict: Match | Refusal) -> tuple[str, ...]:
    """The reasons."""
    assert isinstance(verdict, Refusal), verdict
    return verdict.reasons


def test_match_reserves_and_launches_exactly_what_is_wanted() -> None:
    """RESERVE comes before LAUNCH, and the task uses exactly what was reserved."""
    match = matched(evaluate(requirement(), pool(), claimant()))
    reserve, launch = match.operations
    assert isinstance(reserve, Reserve)
    assert isinstance(launch, Launch)
    (info,) = launch.tasks
    assert contain(reserve.resources, info.resources)
    assert contain(info.resources, reserve.resources)
    amounts = {resource.name: resource.scalar or resource.ranges for resource in reserve.resources}
    assert amounts["cpus"] == 1000
    assert amounts["mem"] == 128_000
    assert "disk" not in amounts
    assert info.task_id.startswith("prefix__lb-0-server__")
    assert info.name == "lb-0-server"
    assert match.holding.resources == reserve.resources


def test_reservation_carries_our_labels_principal_and_allocation_role() -> None:
    """The new entry names resource id, framework, service and pod; the offer's allocation role is kept."""
    match = matched(evaluate(requirement(), pool(), claimant()))
    for resource in match.holding.resources:
        assert resource.allocation_role == "web-role"
        (entry,) = resource.reservations
        assert entry.dynamic
        assert entry.principal == "principal"
        assert dict(entry.labels) == {
            "resource_id": match.holding.resource_id,
            "framework_id": FRAMEWORK,
            "service": "web",
            "pod": "lb-0",
        }


def test_all_unmet_needs_are_listed() -> None:
    """A refusal names ports, amounts and placement together."""
    pod = PodSpec(
        name="lb",
        count=2,
        role="web-role",
        constraints=(("hostname", "UNIQUE"),),
        tasks=(task(cpus=5000, mem=2_000_000, ports=(PortSpec(name="web", number=81),)),),
    )
    neighbours = Known(Others(Places([Place(hostname="agent1", instance="lb-1")])))
    wanted = requirement(pod=pod, tasks=pod.tasks, neighbours=neighbours)
    assert refused(evaluate(wanted, pool(), claimant())) == (
        "hostname agent1 already runs lb-1 (hostname:UNIQUE)",
        "port 81 not free: used by a task, or not the agent's to give",
        "cpus: wants 5.0, offer has 4.0",
        "mem: wants 2000.0, offer has 1024.0",
    )


def test_prereserved_role_is_refined() -> None:
    """Statically reserved resources get our entry on top; unreserved ones of such a pod are only an addition."""
    pod = PodSpec(name="lb", count=1, role="slave_public/web", prereserved_role="slave_public", tasks=(task(),))
    match = matched(evaluate(requirement(pod=pod), pool(offer(reservations=(STATIC,))), claimant()))
    for resource in match.holding.resources:
        assert resource.reservations[0] == STATIC
        assert resource.reservations[1].role == "slave_public/web"


def test_agent_without_the_prereserved_role_is_refused_in_one_sentence() -> None:
    """What an agent out of the question lacks besides is noise."""
    pod = PodSpec(
        name="lb", count=1, role="slave_public/web", prereserved_role="slave_public", tasks=(task(cpus=9000),)
    )
    assert refused(evaluate(requirement(pod=pod, tasks=pod.tasks), pool(), claimant())) == (
        "role slave_public missing",
    )


def test_disk_that_is_not_reserved_statically_may_be_added() -> None:
    """An agent that reserves everything but its detected disk is good enough."""
    whole = offer(reservations=(STATIC,))
    mixed = replace(
        whole,
        resources=tuple(
            replace(resource, reservations=()) if resource.name == "disk" else resource for resource in whole.resources
        ),
    )
    pod = PodSpec(
        name="lb", count=1, role="slave_public/web", prereserved_role="slave_public", tasks=(task(disk=10_000),)
    )
    match = matched(evaluate(requirement(pod=pod, tasks=pod.tasks), pool(mixed), claimant()))
    stacks = {resource.name: len(resource.reservations) for resource in match.holding.resources}
    assert stacks == {"cpus": 2, "mem": 2, "ports": 2, "disk": 1}


def test_foreign_reservations_are_never_used() -> None:
    """Resources that others reserved in our role are as good as absent."""
    foreign = Reservation(role="web-role", dynamic=True, labels=(("resource_id", "x"), ("framework_id", "other")))
    reasons = refused(evaluate(requirement(), pool(offer(reservations=(foreign,))), claimant()))
    assert "cpus: wants 1.0, offer has 0.0" in reasons


def test_revocable_or_special_resources_are_never_used() -> None:
    """Resources with fields that we do not interpret are left alone."""
    special = replace(
        offer(),
        resources=tuple(
            replace(resource, extra='{"revocable":{}}') if resource.name == "cpus" else resource
            for resource in offer().resources
        ),
    )
    assert "cpus: wants 1.0, offer has 0.0" in refused(evaluate(requirement(), pool(special), claimant()))


def test_offers_of_one_agent_are_added_up() -> None:
    """Two offers that are too small alone are enough together."""
    small = offer(cpus=600)
    other = replace(offer(cpus=600, offer_id="o2"), resources=(Resource(name="cpus", scalar=600),))
    match = matched(evaluate(requirement(), pool(small, other), claimant()))
    assert match.rest.offer_ids == ("o1", "o2")


def test_second_instance_gets_the_rest_of_the_pool() -> None:
    """A match leaves exactly the remainder, so that nothing is given twice."""
    before = pool(offer(cpus=2000))
    ids = claimant()
    first = matched(evaluate(requirement(task(ports=(PortSpec(name="a"),))), before, ids))
    second = matched(evaluate(requirement(task(ports=(PortSpec(name="a"),)), index=1), first.rest, ids))
    assert contain(before.resources, add(first.rest.resources, ()))
    ports = {record.ports["a"] for match in (first, second) for record in match.tasks}
    assert len(ports) == 2
    assert refused(evaluate(requirement(task(ports=())), second.rest, ids)) == ("cpus: wants 1.0, offer has 0.0",)


def relaunch(match: Match, *tasks: TaskSpec, extra: Offer | None = None) -> Match | Refusal:
    """Evaluate again in the holding of `match`, on an offer of it and of what is left."""
    spec = tasks or (task(),)
    again = replace(offer(), resources=add(match.holding.resources, (extra or offer(cpus=500)).resources))
    return evaluate(
        requirement(*spec, holding=match.holding, ports={record.name: record.ports for record in match.tasks}),
        pool(again),
        claimant(),
    )


def test_relaunch_uses_the_holding_and_reserves_nothing() -> None:
    """An unchanged instance comes back with one LAUNCH on its own reservation, ports included."""
    first = matched(evaluate(requirement(), pool(), claimant()))
    again = matched(relaunch(first))
    (launch,) = again.operations
    assert isinstance(launch, Launch)
    assert again.holding.resource_id == first.holding.resource_id
    assert again.tasks[0].ports == first.tasks[0].ports
    assert contain(first.holding.resources, launch.tasks[0].resources)


def test_relaunch_without_its_reservation_is_refused() -> None:
    """The instance waits for its reservation even if the offer has room; nothing is wrong with the offer."""
    first = matched(evaluate(requirement(), pool(), claimant()))
    verdict = evaluate(requirement(holding=first.holding), pool(), claimant())
    assert refused(verdict) == ()


def test_growth_reserves_the_difference_under_the_same_id() -> None:
    """A larger task adds a RESERVE of exactly what is missing."""
    first = matched(evaluate(requirement(), pool(), claimant()))
    grown = matched(relaunch(first, task(cpus=1250)))
    reserve, _ = grown.operations
    assert isinstance(reserve, Reserve)
    assert [(resource.name, resource.scalar) for resource in reserve.resources] == [("cpus", 250)]
    assert grown.holding.resource_id == first.holding.resource_id


def test_shrinking_releases_the_difference() -> None:
    """A smaller task with fewer ports gives back exactly the rest."""
    first = matched(evaluate(requirement(), pool(), claimant()))
    smaller = matched(relaunch(first, task(cpus=250, ports=(PortSpec(name="web", number=80),))))
    unreserve, _ = smaller.operations
    assert isinstance(unreserve, Unreserve)
    freed = {resource.name: resource.scalar or resource.ranges for resource in unreserve.resources}
    stats = first.tasks[0].ports["stats"]
    assert freed == {"cpus": 750, "ports": ((stats, stats),)}
    assert add(smaller.holding.resources, unreserve.resources) == first.holding.resources


def test_executor_share_is_taken_out_of_the_task() -> None:
    """Task and executor together use what the task asked for; the executor's id is the task's."""
    spec = task(command=None, executor=ExecutorSpec(command=CommandSpec(value="x"), cpus=100, mem=32_000))
    match = matched(evaluate(requirement(spec), pool(), claimant()))
    launch = match.operations[-1]
    assert isinstance(launch, Launch)
    (info,) = launch.tasks
    assert {resource.name: resource.scalar for resource in info.executor_resources} == {"cpus": 100, "mem": 32_000}
    together = add(info.resources, info.executor_resources)
    assert contain(together, match.holding.resources)
    assert contain(match.holding.resources, together)
    assert info.executor_id == info.task_id


def test_data_and_environment_tell_ports_and_names() -> None:
    """TaskInfo.data gets ports, pod and task id; the environment the variables of the ports."""
    spec = task(
        command=None,
        executor=ExecutorSpec(command=CommandSpec(value="x")),
        data={"pool": "web"},
        ports=(PortSpec(name="my-web", number=80), PortSpec(name="b", number=31000, env="OTHER")),
        environment={"SERVICE_NAME": "mine"},
    )
    launch = matched(evaluate(requirement(spec), pool(), claimant())).operations[-1]
    assert isinstance(launch, Launch)
    (info,) = launch.tasks
    assert json.loads(info.data or "") == {
        "pool": "web",
        "ports": {"my-web": 80, "b": 31000},
        "pod": "lb-0",
        "task_id": info.task_id,
    }
    assert info.environment["PORT_MY_WEB"] == "80"
    assert info.environment["OTHER"] == "31000"
    assert info.environment["SERVICE_NAME"] == "mine"
    assert info.environment["POD_INSTANCE_INDEX"] == "0"


def test_role_star_launches_without_a_reservation() -> None:
    """Nothing can be reserved for `*`: the task runs on what is offered."""
    pod = PodSpec(name="lb", count=1, tasks=(task(),))
    match = matched(evaluate(requirement(pod=pod), pool(replace(offer(), role="*")), claimant()))
    (launch,) = match.operations
    assert isinstance(launch, Launch)
    assert match.holding.resource_id is None


@pytest.mark.parametrize(
    ("start", "duration", "fits"),
    [(1500.0, None, False), (500.0, 3600.0, False), (500.0, 100.0, True), (99_999.0, None, True)],
)
def test_agent_near_maintenance_is_left_alone(start: float, duration: float | None, fits: bool) -> None:
    """Nothing new is placed on an agent whose announced window is near or under way."""
    planned = replace(offer(), unavailability_start=start, unavailability_duration=duration)
    verdict = evaluate(requirement(), pool(planned), claimant())
    if fits:
        matched(verdict)
    else:
        assert refused(verdict) == ("agent1 is announced for maintenance",)


def test_place_of_the_offer_is_kept_for_the_siblings() -> None:
    """The holding remembers attributes, region and zone."""
    with_place = replace(offer(), attributes=(Attribute(name="rack", text="r1"),), region="r", zone="z")
    holding = matched(evaluate(requirement(), pool(with_place), claimant())).holding
    assert (holding.attributes, holding.region, holding.zone) == ((Attribute(name="rack", text="r1"),), "r", "z")


def test_offers_of_other_agents_or_roles_make_other_pools() -> None:
    """One ACCEPT takes offers of one agent and one role."""
    found = pools([offer(), replace(offer(), id="o2", agent_id="s2"), replace(offer(), id="o3", role="other")])
    assert [each.offer_ids for each in found] == [("o1",), ("o2",), ("o3",)]


def test_ports_of_a_container_need_no_offer() -> None:
    """Nothing of them is reserved; the task beside it has its port of the agent as always."""
    inside = task(container=ContainerSpec(networks=(NetworkSpec(name="dcos"),)))
    beside = task(name="beside", ports=(PortSpec(name="web", number=80),))
    match = matched(evaluate(requirement(inside, beside), pool(), claimant()))
    reserve, launch = match.operations
    assert isinstance(reserve, Reserve)
    assert isinstance(launch, Launch)
    assert [resource.ranges for resource in reserve.resources if resource.name == "ports"] == [((80, 80),)]
    first, second = launch.tasks
    assert [number for _, number in first.ports] == [80, 1025]
    assert "ports" not in {resource.name for resource in first.resources}
    assert first.environment["PORT_STATS"] == "1025"
    assert first.container == inside.container
    assert [number for _, number in second.ports] == [80]
    assert [record.address for record in match.tasks] == [None, "10.0.0.1"]


def test_an_agent_without_ports_takes_a_container_with_its_own() -> None:
    """And one without a network is refused there."""
    offered = offer()
    bare = replace(offered, resources=tuple(one for one in offered.resources if one.name != "ports"))
    matched(
        evaluate(
            requirement(task(container=ContainerSpec(networks=(NetworkSpec(name="dcos"),)))), pool(bare), claimant()
        )
    )
    refused(evaluate(requirement(task(container=ContainerSpec(image="edgelb"))), pool(bare), claimant()))


ODD = PortSpec(name="odd", number=22, optional=True)
WEB = PortSpec(name="web", number=80, optional=True)


def test_an_offer_without_an_optional_port_fits_all_the_same() -> None:
    """The task is told, and Mesos is told, only of the ports that it has."""
    match = matched(evaluate(requirement(task(ports=(WEB, ODD))), pool(), claimant()))
    assert match.lacks == {("server", "odd")}
    assert match.without == ("port 22 not offered: agents offer 80-31009",)
    assert match.tasks[0].ports == {"web": 80}
    launch = match.operations[-1]
    assert isinstance(launch, Launch)
    (info,) = launch.tasks
    assert [(port.name, number) for port, number in info.ports] == [("web", 80)]
    assert "PORT_ODD" not in info.environment
    assert [resource.ranges for resource in match.holding.resources if resource.name == "ports"] == [((80, 80),)]


def test_a_move_for_ports_is_one_to_more_ports() -> None:
    """An agent without those that it has, or without any that it lacks, is refused with the reason."""
    wanted = requirement(task(ports=(WEB, ODD)))
    keeps, gains = frozenset({("server", "web")}), frozenset({("server", "odd")})
    assert refused(evaluate(replace(wanted, keep=keeps, gain=gains), pool(), claimant())) == (
        "port 22 not offered: agents offer 80-31009",
    )
    assert refused(evaluate(replace(wanted, keep=gains), pool(), claimant()))
    assert isinstance(evaluate(replace(wanted, keep=keeps), pool(), claimant()), Match)
    assert isinstance(evaluate(replace(wanted, gain=keeps), pool(), claimant()), Match)
