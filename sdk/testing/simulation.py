"""The story teller: a cluster and a scheduler under one manual clock, with faults to send and facts to expect."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sdk.core.events import (
    BudgetRequested,
    PlanCommandRequested,
    PodActionRequested,
    RollbackRequested,
    UninstallRequested,
    UnpinRequested,
)
from sdk.core.settings import Settings
from sdk.local.core.authorization import parse as parse_acls
from sdk.local.core.model import MasterConfig
from sdk.model.ids import ConfigId
from sdk.model.records import Budget
from sdk.model.spec import ServiceSpec
from sdk.plan.commands import Asked, Command
from sdk.storage.persister import Write
from sdk.testing.cluster import Cluster
from sdk.testing.facts import Facts, StoryFailed
from sdk.testing.machines import fault_domain
from sdk.testing.scheduler import PlayedScheduler

Json = dict[str, Any]


class Simulation(Facts):
    """See `sdk.testing`."""

    def __init__(
        self,
        *,
        framework: str = "sim",
        settings: Settings | None = None,
        agent_ping_timeout: float = 1.0,
        max_agent_ping_timeouts: int = 3,
        start: float = 1_000_000.0,
        acls: Json | None = None,
        standbys: int = 0,
        region: str | None = None,
    ) -> None:
        """`acls` are the master's, in the form of its flag `--acls`, and `region` is where it is; `standbys` are
        processes beside the one in charge.
        """
        config = MasterConfig(
            master_id="sim",
            agent_ping_timeout=agent_ping_timeout,
            max_agent_ping_timeouts=max_agent_ping_timeouts,
            agent_reregister_timeout=60.0,
            acls=None if acls is None else parse_acls(acls),
            domain=None if region is None else fault_domain(region, "zone"),
        )
        self.cluster = Cluster(now=start, config=config)
        self.scheduler = PlayedScheduler(
            self.cluster,
            name=framework,
            settings=settings or Settings(principal="sim-principal"),
            new_id=lambda: f"id{self.cluster.number()}",
            pass_time=self.advance,
        )
        for _ in range(1 + standbys):
            self.start_scheduler()

    # Time

    def advance(self, seconds: float) -> None:
        """Let time pass; everything that is due on the way happens at its time."""
        end = self.now + seconds
        while True:
            due = [time for time in (self.cluster.next_event(), self.scheduler.wake) if time is not None]
            following = max(self.now, min(due, default=end))
            if following > end:
                break
            # Timers that ask for the very moment it is get a nudge, so that none can hold the clock.
            self._at(following if following > self.now else min(end, self.now + 0.001))
            if self.now >= end:
                break
        self._at(end)

    def _at(self, now: float) -> None:
        # A process that waits for something lets time pass in the middle of this, and it does not go back.
        self.cluster.step(max(now, self.now))
        self.scheduler.turn(self.now)
        self.cluster.pump()

    def run_until(self, fact: Callable[[], bool], what: str, within: float = 120.0, step: float = 0.5) -> None:
        """Let time pass until `fact`; fails with what there is instead after `within` seconds."""
        end = self.now + within
        while not fact():
            if self.now >= end:
                raise StoryFailed(f"not within {within:g} s: {what}\n{self.describe()}")
            self.advance(step)

    def settle(self, seconds: float = 30.0) -> None:
        """Let everything come to rest."""
        self.advance(seconds)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What the scheduler hears meanwhile waits, and is decided on in one batch at the end."""
        held = list(self.scheduler.processes)
        for process in held:
            process.held = True
        try:
            yield
        finally:
            for process in held:
                process.held = False
                process.run()
            self.cluster.pump()

    # What plugin and operators want

    def publish(self, *services: ServiceSpec) -> None:
        """The plugin's targets: exactly these services."""
        self.scheduler.publish({service.name: service for service in services})
        self.cluster.pump()

    def action(self, instance: str, action: str, *tasks: str, grace: float | None = None) -> None:
        """An operator asks for `restart`, `replace`, `pause` or `resume` of `<service>/<pod>-<index>`, or of tasks."""
        service, _, pod = instance.partition("/")
        event = PodActionRequested(service=service, pod=pod, action=action, tasks=tasks, grace=grace)
        self.scheduler.give(event)
        self.cluster.pump()

    def say(
        self, plan: str, command: str, phase: str | None = None, step: str | None = None, **parameters: str
    ) -> None:
        """An operator says something about `<service>/<plan>`."""
        service, _, name = plan.partition("/")
        asked = Asked(command=Command(command), phase=phase, step=step, parameters=parameters)
        self.scheduler.give(PlanCommandRequested(service=service, plan=name, asked=asked))
        self.cluster.pump()

    def budget(self, *, replacements: int | None = None, unavailable: int | None = None) -> None:
        """An operator says what may be on its way at once."""
        found = Budget(replacements=replacements, unavailable=unavailable)
        self.scheduler.give(BudgetRequested(budget=found))
        self.cluster.pump()

    def rollback(self, service: str, config: str, by: str = "") -> None:
        """An operator goes back to a stored configuration of a pod."""
        self.scheduler.give(RollbackRequested(service=service, config=ConfigId(config), by=by))
        self.cluster.pump()

    def unpin(self, service: str, pod: str | None = None) -> None:
        """An operator goes forward to what was published last."""
        self.scheduler.give(UnpinRequested(service=service, pod=pod))
        self.cluster.pump()

    def uninstall(self) -> None:
        """An operator asks for the end of it all."""
        self.scheduler.give(UninstallRequested())
        self.cluster.pump()

    def teardown(self) -> None:
        """An operator tears the framework down: Mesos ends its tasks and never takes its id again."""
        assert self.scheduler.state is not None
        framework_id = str(self.scheduler.state.framework.framework_id)
        self.cluster.operator("TEARDOWN", {"framework_id": {"value": framework_id}})
        self.cluster.pump()

    def renew(self) -> None:
        """An operator lets the removed framework go on under a new id."""
        self.scheduler.renew()
        self.cluster.pump()

    # What tasks do

    def kill_task(self, instance: str, message: str = "Command exited with status 1") -> None:
        """A task of `<service>/<pod>-<index>` dies by itself."""
        for executor, task in self.cluster.tasks(self._task_ids(instance)):
            executor.finish(task, "TASK_FAILED", message)
        self.cluster.pump()

    def set_health(self, instance: str, healthy: bool) -> None:
        """The health checks of `<service>/<pod>-<index>` find something else from now on."""
        for executor, task in self.cluster.tasks(self._task_ids(instance)):
            executor.update(task, "TASK_RUNNING", healthy=healthy)
        self.cluster.pump()

    # What happens to the scheduler's processes

    def stop_scheduler(self) -> None:
        """The process in charge is killed. A standby takes over when its session has ended."""
        self.scheduler.die()
        self.cluster.pump()

    def start_scheduler(self) -> None:
        """One process more: it takes over from what is stored when nobody is in charge, and else stands by."""
        self.scheduler.start()
        self.cluster.pump()

    def restart_scheduler(self) -> None:
        """Kill it and start it again."""
        self.stop_scheduler()
        self.start_scheduler()

    def die_before(self, name: str) -> None:
        """The process in charge dies after storing, before its next call of that name."""
        self.scheduler.die_before(name)

    def die_after(self, effects: int) -> None:
        """The process in charge dies after so many effects: each batch that is stored is one, and each call."""
        self.scheduler.faults.effects_left = effects

    def lose_lock(self, *, before: str | None = None) -> None:
        """The process in charge loses it, and hears so: now, or after storing, `before` its next call of that name."""
        if before is None:
            self.scheduler.lose_charge()
        else:
            self.scheduler.before(before, self.scheduler.lose_charge)
        self.cluster.pump()

    def freeze(self, seconds: float, *, before: str | None = None) -> None:
        """The process in charge stands still for so long and then goes on where it was, as if nothing had happened.

        With `before` it does so after storing, before its next call of that name.
        """
        if before is None:
            self.scheduler.freeze(seconds)
        else:
            self.scheduler.before(before, partial(self.scheduler.freeze, seconds))
        self.cluster.pump()

    def cut_from_storage(self, seconds: float) -> None:
        """The process in charge does not reach ZooKeeper for so long; beyond the session timeout it loses the lock."""
        self.scheduler.cut_off(seconds)
        self.cluster.pump()

    # What happens to what it stores

    def fail_storage(self, count: int = 1, *, applied: bool = False) -> None:
        """The next batches cannot be stored for now; `applied`: they are, and only the answers get lost."""
        if applied:
            self.scheduler.faults.answers_lost += count
        else:
            self.scheduler.faults.writes_fail += count

    def refuse_storage(self, why: Callable[[Write], str | None]) -> None:
        """What can never be stored: the writes for which `why` gives a reason."""
        self.scheduler.refuse_writes(why)

    def lose_records(self, service: str) -> None:
        """Somebody removes the stored nodes of a service by hand while the scheduler is down."""
        if self.scheduler.state is not None:
            raise StoryFailed("stop the scheduler first")
        self.scheduler.forget(service)

    def overwrite_record(self, instance: str, data: bytes | None) -> bytes | None:
        """Write other bytes into the stored node of `<service>/<pod>-<index>`, or remove it; what was there."""
        service, _, pod = instance.partition("/")
        return self.scheduler.corrupt(service, pod, data)

    # What happens on the way to the master

    def disconnect(self) -> None:
        """The scheduler's connection breaks."""
        self.scheduler.disconnect()
        self.cluster.pump()

    def master_failover(self, seconds: float = 2.0) -> None:
        """The master dies, and another one takes over after some seconds."""
        self.cluster.stop_master()
        self.scheduler.disconnect("the master is gone")
        self.advance(seconds)
        self.cluster.start_master()

    def lose_calls(self, name: str, count: int = 1) -> None:
        """The next calls `Accept`, `Kill`, `Acknowledge`, ... vanish on the way."""
        self.scheduler.faults.lose[name] += count

    def fail_calls(self, name: str, count: int = 1) -> None:
        """The next calls fail with an error that the scheduler sees."""
        self.scheduler.faults.fail[name] += count

    def refuse_calls(self, why: Callable[[Json], str | None]) -> None:
        """The master answers 400 to the calls for which `why` gives a reason."""
        self.scheduler.faults.refuse = why
