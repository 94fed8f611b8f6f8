"""How much is done for one batch of offers: calls are counted, which are the same on any machine.

A batch comes back every few seconds as long as anything waits.
"""

import itertools
import sys
from collections import Counter
from collections.abc import Mapping
from types import FrameType

import pytest

from sdk.core.decide import decide
from sdk.core.events import OffersReceived, RolesAccepted, Subscribed, TargetChanged
from sdk.core.state import State
from sdk.model.ids import FrameworkId
from sdk.model.records import FrameworkRecord
from sdk.model.resources import Offer, Resource
from sdk.model.spec import CommandSpec, PodSpec, PortSpec, ServiceSpec, TaskSpec
from sdk.offer.evaluate import evaluate

FRAMEWORK = FrameworkId("framework")


def service(name: str, *, port: int, count: int = 1, constraints: tuple[tuple[str, ...], ...] = ()) -> ServiceSpec:
    """Instances of one task with a fixed and a free port."""
    task = TaskSpec(
        name="server",
        cpus=500,
        mem=64_000,
        ports=(PortSpec(name="fixed", number=port), PortSpec(name="free")),
        command=CommandSpec(value="true"),
    )
    pod = PodSpec(name="pod", count=count, role="role", constraints=constraints, tasks=(task,))
    return ServiceSpec(name=name, pods=(pod,))


def offers(count: int) -> tuple[Offer, ...]:
    """One of each of so many equal agents."""
    resources = (
        Resource(name="cpus", scalar=4000),
        Resource(name="mem", scalar=10_000_000),
        Resource(name="ports", ranges=((31000, 32000),)),
    )
    return tuple(
        Offer(
            id=f"o{index}",
            framework_id=FRAMEWORK,
            agent_id=f"s{index}",
            hostname=f"host{index}",
            role="role",
            resources=resources,
        )
        for index in range(count)
    )


def work(services: Mapping[str, ServiceSpec], agents: int) -> tuple[int, int]:
    """Calls of any Python function, and judgements of an instance against an offer, in one batch of offers."""
    ids = map("id{}".format, itertools.count()).__next__
    state = State.initial(FrameworkRecord(name="framework"))
    for event in (
        *(TargetChanged(service=name, spec=spec) for name, spec in services.items()),
        Subscribed(framework_id=FRAMEWORK, master="master:5050"),
        RolesAccepted(roles=("role",)),
    ):
        state, _ = decide(state, event, 1000.0, ids)
    batch, calls = OffersReceived(offers=offers(agents)), Counter[object]()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[frame.f_code] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        decide(state, batch, 1001.0, ids)
    finally:
        sys.setprofile(before)
    return calls.total(), calls[evaluate.__code__]


def waiting(count: int) -> dict[str, ServiceSpec]:
    """Services whose port nobody offers."""
    return {f"service{index}": service(f"service{index}", port=80 + index) for index in range(count)}


def unique(count: int) -> dict[str, ServiceSpec]:
    """One service, of whose instances each host takes one."""
    return {"unique": service("unique", count=count, port=31005, constraints=(("hostname", "UNIQUE"),))}


def test_what_fits_nowhere_is_judged_once_for_all_equal_agents() -> None:
    """A pool that waits for a port does not cost more in a large cluster."""
    _, few = work(waiting(10), 20)
    _, many = work(waiting(10), 80)
    assert few == many == 10


def test_an_agent_that_refused_an_instance_is_not_asked_for_its_siblings() -> None:
    """Each agent takes one instance, refuses the next, and is not asked again."""
    _, judgements = work(unique(40), 40)
    assert 40 <= judgements <= 2 * 40


@pytest.mark.parametrize("services", [waiting, unique])
def test_twice_the_instances_and_offers_are_twice_the_work(services: object) -> None:
    """And not four times, which is seconds for hundreds of them."""
    assert callable(services)
    small, _ = work(services(40), 40)
    large, _ = work(services(80), 80)
    assert large < 2.5 * small
