"""Volumes out of offers with disks of all kinds: what is asked for is carried out as Mesos carries it out."""

import itertools
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core import operations
from sdk.local.core.resources import Resources
from sdk.mesos import calls, parse
from sdk.model.ids import ConfigId, FrameworkId
from sdk.model.operations import Change, Launch
from sdk.model.records import Holding
from sdk.model.resources import Disk, DiskSource, Offer, Reservation, Resource
from sdk.model.spec import CommandSpec, PodSpec, TaskSpec
from sdk.model.volumes import DiskType, VolumeSpec
from sdk.offer.evaluate import Match, Refusal, evaluate
from sdk.offer.pool import Pool, pools
from sdk.offer.requirement import Claimant, Requirement
from sdk.offer.reservation import by_resource_id

FRAMEWORK = FrameworkId("fw-1")
ROLE = "slave_public/web"
STATIC = Reservation(role="slave_public", dynamic=False)
THEIRS = Reservation(role=ROLE, dynamic=True, principal="them", labels=(("framework_id", "fw-2"), ("resource_id", "x")))
NOBODYS = Reservation(role=ROLE, dynamic=True)

SIZES = st.integers(1, 40).map(lambda size: size * 10_000)
STACKS = st.sampled_from(((), (STATIC,), (STATIC, THEIRS), (THEIRS,), (NOBODYS,)))


@st.composite
def disks(draw: st.DrawFn) -> list[Resource]:
    """Disks of an agent, ours to take or not."""
    found: list[Resource] = []
    for number in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from((None, "PATH", "MOUNT", "RAW", "BLOCK")))
        stack = draw(STACKS)
        profile = draw(st.sampled_from((None, "fast")))
        source = None if kind is None else DiskSource(type=kind, root=f"/{number}", profile=profile)
        volume = stack[-1:] in ((THEIRS,), (NOBODYS,)) and draw(st.booleans())
        disk = Disk(source=source, persistence=f"v{number}" if volume else None, path="data" if volume else None)
        found.append(
            Resource(
                name="disk",
                scalar=draw(SIZES),
                reservations=stack,
                allocation_role=ROLE,
                disk=None if disk == Disk() else disk,
                extra=draw(st.sampled_from((None, None, None, '{"revocable":{}}'))),
            )
        )
    return found


VOLUMES = st.lists(
    st.builds(
        VolumeSpec,
        name=st.sampled_from(("a", "b", "c")),
        path=st.sampled_from(("a", "b", "c")),
        size=SIZES,
        type=st.sampled_from(DiskType),
        profiles=st.sampled_from(((), ("fast",))),
    ),
    min_size=1,
    max_size=3,
    unique_by=(lambda volume: volume.name, lambda volume: volume.path),
)
_counter = itertools.count()


def claimant() -> Claimant:
    """Us."""
    return Claimant(
        framework_ids=(FRAMEWORK,),
        framework_name="fw",
        principal="principal",
        now=1.0,
        new_id=lambda: f"id{next(_counter)}",
    )


def requirement(volumes: list[VolumeSpec], disk: int, holding: Holding | None = None) -> Requirement:
    """Two tasks, of which one has the volumes."""
    first = TaskSpec(
        name="db", cpus=500, mem=10_000, disk=disk, command=CommandSpec(value="run"), volumes=tuple(volumes)
    )
    second = TaskSpec(name="side", cpus=100, mem=10_000, command=CommandSpec(value="run"))
    pod = PodSpec(name="db", count=1, role=ROLE, prereserved_role="slave_public", tasks=(first, second))
    return Requirement(
        service="s", pod=pod, index=0, config=ConfigId("c"), prefix="p", tasks=pod.tasks, holding=holding
    )


def pool(resources: list[Resource]) -> Pool:
    """What an agent offers, beside enough of cpus and mem."""
    amounts = [
        Resource(name=name, scalar=scalar, reservations=(STATIC,), allocation_role=ROLE)
        for name, scalar in (("cpus", 4000), ("mem", 100_000))
    ]
    return pools([_offer([*amounts, *resources])])[0]


def _offer(resources: list[Resource]) -> Offer:
    return Offer(id="o", framework_id=FRAMEWORK, agent_id="s", hostname="agent", role=ROLE, resources=tuple(resources))


def carried_out(match: Match, offered: Pool) -> Resources:
    """What the agent has after the operations, all of which Mesos takes."""
    there = Resources.of([calls.resource(each) for each in offered.resources])
    for each in match.operations:
        wire: dict[str, Any] = calls.operation(each, FRAMEWORK)
        if isinstance(each, Change):
            operations.validate(wire, "principal")
            there = operations.apply(there, wire)
    return there


def used(match: Match) -> list[Resource]:
    """By all tasks."""
    [launch] = [each for each in match.operations if isinstance(each, Launch)]
    return [resource for task in launch.tasks for resource in task.resources]


def others(resources: list[Resource]) -> list[Resource]:
    """What is not ours to take."""
    return [
        each
        for each in resources
        if each.extra is not None or (each.reservations and each.reservations[-1] in (THEIRS, NOBODYS))
    ]


@given(
    found=disks(), volumes=VOLUMES, wanted=st.lists(SIZES, min_size=3, max_size=3), disk=st.sampled_from((0, 20_000))
)
def test_operations_make_exactly_what_is_launched_and_recorded(
    found: list[Resource], volumes: list[VolumeSpec], wanted: list[int], disk: int
) -> None:
    """Then the instance finds all of it again, also when it wants other sizes; nothing of others is touched."""
    offered = pool(found)
    match = evaluate(requirement(volumes, disk), offered, claimant())
    for _ in range(3):
        if isinstance(match, Refusal):
            assert match.reasons
            return
        there = carried_out(match, offered)
        assert there.contains(Resources.of([calls.resource(each) for each in used(match)]))
        assert there.contains(Resources.of([calls.resource(each) for each in others(list(offered.resources))]))
        after = pools([_offer([parse.resource(each) for each in there.json()])])[0]
        [own] = by_resource_id(after.resources, (FRAMEWORK,)).values()
        assert Resources.of(map(calls.resource, own)) == Resources.of(map(calls.resource, match.holding.resources))
        ids = {volume.id for volume in match.holding.volumes}
        assert ids == {each.volume for each in own if each.volume is not None}
        assert len(ids) == len(volumes)
        again = evaluate(requirement(volumes, disk, match.holding), after, claimant())
        assert isinstance(again, Match)
        assert [type(each) for each in again.operations] == [Launch]
        assert {volume.id for volume in again.holding.volumes} == ids
        volumes = [replace(volume, size=size) for volume, size in zip(volumes, wanted, strict=False)]
        offered, match = after, evaluate(requirement(volumes, disk, match.holding), after, claimant())


def test_a_volume_is_made_of_what_is_reserved_statically_first() -> None:
    """As all else is."""
    found = [
        Resource(name="disk", scalar=100_000, allocation_role=ROLE),
        Resource(name="disk", scalar=100_000, reservations=(STATIC,), allocation_role=ROLE),
    ]
    match = evaluate(requirement([VolumeSpec(name="a", path="a", size=50_000)], 0), pool(found), claimant())
    assert isinstance(match, Match)
    [volume] = [each for each in match.holding.resources if each.volume is not None]
    assert volume.reservations[0] == STATIC
