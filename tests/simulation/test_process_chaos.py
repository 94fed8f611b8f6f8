"""Random stories of processes, storage and operations on top of those of the cluster: see `test_chaos`.

What holds at the end whatever happened: exactly the wanted tasks run, each once; jobs have run to their end; a service
that is wrong, or that Mesos refuses, has kept no other from running; what others reserved is theirs; and an uninstall
leaves nothing of ours.
"""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from sdk.model.spec import CommandSpec, Goal, RecoveryPolicy
from sdk.model.volumes import DiskType, VolumeSpec
from sdk.testing import Behaviour
from tests.simulation.specs import changed, service
from tests.simulation.test_chaos import AGENTS, CALLS, Chaos

QUICK = RecoveryPolicy(replace_after=10.0, backoff_max=5.0, launch_timeout=15.0, start_timeout=30.0)
REFUSED = "a command that Mesos refuses"
OPERATIONS = ("RESERVE", "UNRESERVE", "CREATE", "DESTROY", "GROW_VOLUME", "SHRINK_VOLUME")
SECONDS = st.sampled_from((3.0, 10.0))
BEFORE = st.none() | st.sampled_from(CALLS)
THEIRS = {
    "name": "cpus",
    "type": "SCALAR",
    "scalar": {"value": 0.1},
    "reservations": [
        {
            "type": "DYNAMIC",
            "role": "their-role",
            "principal": "them",
            "labels": {"labels": [{"key": "resource_id", "value": "theirs"}]},
        }
    ],
}


class ProcessChaos(Chaos):
    """The processes, what they store and what they ask for fail as well."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs = 0
        self.odd = False
        self.home: str | None = None
        """The agent on which others have reserved something."""
        for index in range(2):
            self.sim.behave(f"job-{index}-server", Behaviour(finishes_after=2.0))
        self._refuse_odd()

    def _refuse_odd(self) -> None:
        """Mesos refuses whatever has that command in it."""
        self.sim.refuse_calls(
            lambda call: "TaskInfo is not valid" if call["type"] == "ACCEPT" and REFUSED in str(call) else None
        )

    @rule()
    def second_process(self) -> None:
        if len(self.sim.scheduler.processes) < 2:
            self.sim.start_scheduler()

    @rule(effects=st.integers(1, 8))
    def die_after(self, effects: int) -> None:
        self.sim.die_after(effects)

    @rule(before=BEFORE)
    def lose_lock(self, before: str | None) -> None:
        self.sim.lose_lock(before=before)

    @rule(seconds=SECONDS, before=BEFORE)
    def freeze(self, seconds: float, before: str | None) -> None:
        self.sim.freeze(seconds, before=before)

    @rule(seconds=SECONDS)
    def cut_from_storage(self, seconds: float) -> None:
        self.sim.cut_from_storage(seconds)

    @rule(count=st.integers(1, 3), applied=st.booleans())
    def fail_storage(self, count: int, applied: bool) -> None:
        self.sim.fail_storage(count, applied=applied)

    @rule(refused=st.booleans())
    def refuse_storage(self, refused: bool) -> None:
        """Of one service nothing can be stored any more."""
        self.sim.refuse_storage(
            lambda write: "the story says no" if refused and "/services/odd/" in write.path else None
        )

    @rule(count=st.integers(1, 2), kinds=st.sets(st.sampled_from(OPERATIONS), min_size=1))
    def fail_operations(self, count: int, kinds: set[str]) -> None:
        self.sim.fail_operations(count, kinds)

    @rule(seconds=st.sampled_from((0.5, 3.0, 8.0)))
    def batch(self, seconds: float) -> None:
        with self.sim.together():
            self.sim.advance(seconds)

    @rule(healthy=st.booleans())
    def turn(self, healthy: bool) -> None:
        for instance in self.sim.running():
            if instance in self.sim.running():  # the scheduler may die of an update
                self.sim.set_health(instance, healthy)

    @rule(count=st.integers(0, 2), goal=st.sampled_from((Goal.FINISHED, Goal.ONCE)), command=st.sampled_from("ab"))
    def publish_jobs(self, count: int, goal: Goal, command: str) -> None:
        spec = service("jobs", count=count, recovery=QUICK)
        [task] = spec.pods[0].tasks
        task = replace(task, goal=goal, ports=(), command=CommandSpec(value=command))
        self.jobs = count
        self._publish_also(changed(spec, name="job", tasks=(task,)))

    @rule(
        count=st.integers(0, 2),
        kind=st.sampled_from(DiskType),
        size=st.sampled_from((10_000, 20_000)),
        destroy=st.booleans(),
        cpus=st.sampled_from((0.1, 0.2)),
    )
    def publish_store(self, count: int, kind: DiskType, size: int, destroy: bool, cpus: float) -> None:
        spec = service("store", count=count, cpus=cpus, ports=(), recovery=QUICK)
        volume = VolumeSpec(name=f"data-{kind.lower()}", path="data", size=size, type=kind, destroy=destroy)
        self.wanted["store"] = count
        self._publish_also(changed(spec, tasks=(replace(spec.pods[0].tasks[0], volumes=(volume,)),)))

    @rule()
    def publish_something_wrong(self) -> None:
        spec = service("bad")
        [task] = spec.pods[0].tasks
        self._publish_also(changed(spec, tasks=(replace(task, cpus=0.5),)))  # type: ignore[arg-type]

    @rule()
    def publish_something_refused(self) -> None:
        self.odd = True
        self._publish_also(service("odd", command=REFUSED, recovery=QUICK))

    def _publish_also(self, spec: object) -> None:
        services = dict(self.sim.scheduler.services or {})
        services[spec.name] = spec  # type: ignore[attr-defined,assignment]
        self.sim.publish(*services.values())

    @rule(name=st.sampled_from(AGENTS))
    def others_reserve(self, name: str) -> None:
        if self.home is None and self._known(name) and name not in self.away | self.dead | self.down | self.idle:
            self.sim.fail_operations(0)
            content = {"agent_id": {"value": self.sim.cluster.agent_id(name)}, "resources": [THEIRS]}
            self.sim.cluster.operator("RESERVE_RESOURCES", content)
            self.sim.cluster.pump()
            if "theirs" in self.sim.reservations().get(name, ()):  # an agent that is just coming back drops it
                self.home, self.foreign = name, {"theirs"}

    def _come_to_rest(self) -> None:
        """First with what is wrong still there: it holds up nobody."""
        wanted = self._running_at_rest()
        self._refuse_odd()
        self.sim.run_until(
            lambda: [each for each in self.sim.running() if not each.startswith("odd/")] == wanted,
            f"{wanted} run beside what is refused",
            within=600,
        )
        if "bad" in (self.sim.scheduler.services or {}):
            assert "is not an integer" in self.sim.problems()["bad"]
            services = dict(self.sim.scheduler.services or {})
            del services["bad"]
            self.sim.publish(*services.values())
        self.sim.refuse_calls(lambda _call: None)
        if self.odd:
            self.wanted["odd"] = 1
        self.turn(True)
        super()._come_to_rest()

    def _before_the_end(self) -> None:
        if self.home is not None:
            assert self.sim.reservations().get(self.home, set()) >= {"theirs"}
            content = {"agent_id": {"value": self.sim.cluster.agent_id(self.home)}, "resources": [THEIRS]}
            self.sim.cluster.operator("UNRESERVE_RESOURCES", content)
            self.sim.cluster.pump()

    def _finished_at_rest(self) -> list[str]:
        return [f"jobs/job-{index}" for index in range(self.jobs)]


ProcessChaos.TestCase.settings = settings(
    derandomize=True,
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestProcessChaos = pytest.mark.slow(ProcessChaos.TestCase)
