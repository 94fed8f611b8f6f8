"""The runner against doubles at its edges: order of storing and calling, terms, suspension, failures, poison."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from sdk.clock import SystemClock
from sdk.core.effects import Accept, Acknowledge, Decline, Kill, SendMessage, Teardown
from sdk.core.events import (
    ExecutorMessage,
    OfferRescinded,
    OffersReceived,
    OperationStatusReceived,
    PodActionRequested,
    RenewalRequested,
    StatusReceived,
    Tick,
    UninstallRequested,
)
from sdk.core.settings import Settings
from sdk.errors import InvalidSpec, LeadershipLost, UnexpectedAnswer
from sdk.framework_store import FrameworkStore
from sdk.frameworks import parse_frameworks
from sdk.metrics import Metrics
from sdk.model.ids import AgentId, ExecutorId, OfferId, TaskId
from sdk.model.status import TaskState, TaskStatus
from sdk.plugin import HostSettings, Targets
from sdk.runner import NotInCharge, Phase, Runner
from sdk.runner.inbox import BACKLOG
from sdk.storage.persister import Put, Write
from tests.integration.runner.doubles import FlakyPersister, Lock, Master, NoZooKeeper, Wisher, make_offer, service
from tests.support.wait import wait_until

URL = "http://scheduler:8090"


@dataclass
class Bench:
    """A runner and the doubles around it."""

    persister: FlakyPersister = field(default_factory=FlakyPersister)
    master: Master = field(default_factory=Master)
    plugin: Wisher = field(default_factory=lambda: Wisher({"web": service()}))
    ids: Iterator[int] = field(default_factory=itertools.count)
    metrics: Metrics = field(default_factory=Metrics)
    superseded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = FrameworkStore(self.persister, "/r", "test")
        self.lock = Lock(self.store.leader_path)
        framework = parse_frameworks({"frameworks": [{"name": "test", "plugin": "a:B", "roles": ["test"]}]})[0]
        self.runner = Runner(
            settings=HostSettings(framework=framework, zk="-", zk_root="/r", advertised_url=URL),
            plugin=self.plugin,
            zookeeper=NoZooKeeper(),  # type: ignore[arg-type]
            store=self.store,
            charge=self.lock,
            feeds=self.master,
            clock=SystemClock(),
            new_id=lambda: f"id-{next(self.ids)}",
            metrics=self.metrics,
            core_settings=Settings(proof_within=0.2, reconcile_first=0.1, sweep=0.5),
            superseded=self.superseded.append,
        )

    def lead(self) -> None:
        """Start, take charge, subscribe."""
        self.runner.start()
        self.lock.give(self.persister)
        self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(lambda: self.runner.status().ready, what=f"ready ({self.runner.status().reason})")

    def launch(self) -> None:
        """Offer and let the task run."""
        self.master.feed.offer()
        wait_until(self.master.launched, what="a launch")
        self.master.feed.status(self.master.launched()[-1], TaskState.RUNNING)
        wait_until(lambda: self.acknowledged(), what="an acknowledgement")

    def acknowledged(self) -> list[TaskStatus]:
        return [call.status for call in self.master.calls if isinstance(call, Acknowledge)]

    def stored_roles(self) -> tuple[str, ...]:
        framework = self.store.load().framework
        return () if framework is None else framework.roles

    def stored_tasks(self) -> dict[str, TaskState]:
        return {
            task.task_id: task.status.state
            for one in self.store.load().services.values()
            for pod in one.pods.values()
            for task in pod.tasks
        }


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.runner.stop()


def test_a_standby_does_not_subscribe_and_says_so(bench: Bench) -> None:
    """Before it is in charge a process opens no stream and takes no requests."""
    bench.runner.start()
    assert bench.runner.status().phase is Phase.STANDBY
    assert "nobody is in charge" in bench.runner.status().reason
    assert bench.runner.snapshot() is None
    assert bench.master.feeds == []
    with pytest.raises(NotInCharge):
        bench.runner.submit(UninstallRequested())


def test_a_launch_is_stored_before_the_master_hears_of_it(bench: Bench) -> None:
    """When the ACCEPT goes out the STAGING record and the framework id are in storage."""
    bench.lead()
    seen: list[bool] = []
    feed = bench.master.feed
    call = feed.call
    feed.call = lambda effect: (  # type: ignore[method-assign]
        seen.append(bool(bench.stored_tasks())) if isinstance(effect, Accept) else None,
        call(effect),
    )[1]
    feed.offer()
    wait_until(bench.master.launched, what="a launch")
    assert seen
    assert all(seen)
    framework = bench.store.load().framework
    assert framework is not None
    assert framework.framework_id == "framework-1"


def test_an_update_is_acknowledged_only_after_it_is_stored(bench: Bench) -> None:
    """While storage is away nothing is acknowledged; afterwards everything is."""
    bench.lead()
    bench.master.feed.offer()
    task = wait_until(bench.master.launched, what="a launch")[0]
    bench.persister.down.set()
    bench.master.feed.status(task, TaskState.RUNNING)
    wait_until(lambda: bench.persister.refused >= 2, what="tries to store")
    assert bench.acknowledged() == []
    assert bench.stored_tasks()[task.task_id] is TaskState.STAGING
    bench.persister.down.clear()
    wait_until(bench.acknowledged, what="an acknowledgement")
    assert bench.stored_tasks()[task.task_id] is TaskState.RUNNING


def test_nothing_is_said_while_zookeeper_is_suspended(bench: Bench) -> None:
    """SUSPENDED: no accept, no acknowledgement; both come when it is over."""
    bench.lead()
    bench.lock.suspend()
    bench.master.feed.offer()
    wait_until(lambda: "does not answer" in bench.runner.status().reason, what="suspended")
    assert bench.master.launched() == []
    bench.lock.suspend(False)
    wait_until(bench.master.launched, what="a launch")


def test_a_lost_lock_closes_the_stream_at_once_even_while_storing(bench: Bench) -> None:
    """The stream closes on the thread that hears of the loss; what was decided is never carried out."""
    bench.lead()
    bench.persister.down.set()
    bench.master.feed.offer()
    wait_until(lambda: bench.persister.refused >= 1, what="a try to store")
    bench.lock.take()
    assert bench.master.feed.stopped.is_set()
    bench.persister.down.clear()
    wait_until(lambda: bench.runner.status().phase is Phase.STANDBY, what="standby")
    assert bench.master.launched() == []
    assert bench.stored_tasks() == {}


def test_a_fenced_write_stops_the_calls(bench: Bench) -> None:
    """A process that lost the lock without knowing stores nothing and says nothing."""
    bench.lead()
    bench.persister.apply([Put(bench.store.leader_path, b"another process")])
    bench.master.feed.offer()
    wait_until(lambda: "nothing was written" in str(bench.runner.status().error), what="the runner knows")
    bench.lock.take()
    wait_until(lambda: bench.runner.status().phase is Phase.STANDBY, what="standby")
    assert bench.master.launched() == []
    assert bench.stored_tasks() == {}


def test_a_second_term_goes_on_from_what_is_stored(bench: Bench) -> None:
    """After another process was in charge the state is loaded again, and the same framework id subscribes."""
    bench.lead()
    bench.launch()
    bench.lock.take()
    wait_until(lambda: bench.runner.status().phase is Phase.STANDBY, what="standby")
    bench.lock.give(bench.persister)
    bench.wait_ready()
    assert len(bench.master.feeds) == 2
    assert bench.master.feed.record.framework_id == "framework-1"
    snapshot = bench.runner.snapshot()
    assert snapshot is not None
    assert [task.status.state for pod in snapshot.services["web"].pods for task in pod.tasks] == [TaskState.RUNNING]
    # Events of the first stream that arrive late belong to nobody.
    bench.master.feeds[0].offer(7)
    bench.master.feed.offer(8)
    wait_until(lambda: any("o8" in str(call) for call in bench.master.feed.calls), what="an answer to the offer")
    assert not any("o7" in str(call) for call in bench.master.calls)


def test_a_fresh_process_resumes_with_the_stored_target_before_the_plugin_speaks(bench: Bench) -> None:
    """Until the plugin has published the stored wishes hold: nothing is removed."""
    bench.lead()
    bench.launch()
    bench.runner.stop()
    silent = Wisher()
    silent.took_charge = lambda targets: None  # type: ignore[method-assign]
    second = Bench(persister=bench.persister, plugin=silent)
    try:
        second.lead()
        snapshot = second.runner.snapshot()
        assert snapshot is not None
        assert list(snapshot.services) == ["web"]
        assert not snapshot.services["web"].removing
    finally:
        second.runner.stop()


def test_what_is_kept_stays_as_it_was_last_wished_for(bench: Bench) -> None:
    """`keep` names services whose wish is unknown now: they are neither changed nor removed."""
    bench.lead()
    bench.launch()
    bench.plugin.asked[-1].publish_all({"other": service("other")}, keep=["web", "unheard-of"])
    wait_until(lambda: "other" in bench.store.load().services, what="the new service")
    snapshot = bench.runner.snapshot()
    assert snapshot is not None
    assert {name: view.removing for name, view in snapshot.services.items()} == {"other": False, "web": False}


def test_launches_say_what_belongs_to_the_process_and_records_do_not(bench: Bench) -> None:
    """Its address and the plugin's words are filled in on the way to Mesos only: another leader relaunches nothing."""
    bench.lead()
    bench.master.feed.offer()
    task = wait_until(bench.master.launched, what="a launch")[0]
    assert task.command is not None
    assert task.command.uris[0].value == f"{URL}/x"
    assert task.command.value == "sleep 1; : filled in"
    target = bench.store.load().services["web"].target
    assert target is not None
    command = target.pods[0].tasks[0].command
    assert command is not None
    assert (command.value, command.uris[0].value) == ("sleep 1; : {a word}", "{advertised}/x")


def test_a_call_that_is_not_taken_comes_back_as_an_event(bench: Bench) -> None:
    """The core hears of every failed call; the process goes on."""
    bench.lead()
    bench.master.refuse = UnexpectedAnswer(503, "no")
    bench.master.feed.offer()
    wait_until(lambda: bench.stored_tasks(), what="the record of the launch")
    bench.master.refuse = None
    assert bench.runner.working
    wait_until(lambda: [call for call in bench.master.calls if type(call).__name__ == "Reconcile"], what="a question")


def test_an_event_that_breaks_the_core_is_given_up_and_reported(bench: Bench) -> None:
    """The others go on; health tells what was given up."""
    bench.lead()
    bench.master.feed.post(OperationStatusReceived(status=None))  # type: ignore[arg-type]  # whatever looks at it fails
    wait_until(lambda: bench.runner.status().skipped, what="a skipped event")
    bench.master.feed.offer()
    wait_until(bench.master.launched, what="a launch")
    assert bench.runner.status().ready


def test_a_wish_that_cannot_be_stored_does_not_hold_up_others(bench: Bench) -> None:
    """What the storage refuses for good is told by its service, alone; the others are stored and run."""
    bench.lead()

    def refuse(operations: Sequence[Write]) -> None:
        for operation in operations:
            if "/services/huge/" in operation.path:
                raise InvalidSpec(operation.path, "does not fit")

    bench.persister.on_apply = refuse
    bench.plugin.asked[-1].publish_all({"huge": service("huge"), "web": service(count=2), "more": service("more")})
    wait_until(lambda: "huge" in bench.runner.status().problems, what="a report of the wish")
    assert "does not fit" in bench.runner.status().problems["huge"]
    bench.master.feed.offer()
    wait_until(lambda: len(bench.master.launched()) == 3, what="launches of the others")
    assert sorted(bench.store.load().services) == ["more", "web"]
    assert bench.runner.status().ready
    assert bench.runner.status().quarantined == ("huge",)
    bench.persister.on_apply = lambda operations: None
    wait_until(lambda: not bench.runner.status().problems, what="it is taken by itself")
    assert sorted(bench.store.load().services) == ["huge", "more", "web"]


def test_a_service_whose_record_cannot_be_stored_costs_the_others_no_offer(bench: Bench) -> None:
    """What was decided about it did not happen; the launches of the others in the same offers did."""
    bench.lead()
    bench.plugin.asked[-1].publish_all({"huge": service("huge"), "web": service()})
    wait_until(lambda: len(bench.runner.snapshot().services) == 2, what="both")  # type: ignore[union-attr]

    def refuse(operations: Sequence[Write]) -> None:
        for operation in operations:
            if "/services/huge/pods" in operation.path:
                raise InvalidSpec(operation.path, "does not fit")

    bench.persister.on_apply = refuse
    bench.master.feed.offer()
    wait_until(bench.master.launched, what="a launch of the other")
    assert len(bench.master.launched()) == 1
    assert bench.runner.status().quarantined == ("huge",)
    assert "does not fit" in bench.runner.status().problems["huge"]
    assert bench.runner.status().skipped == ()
    bench.persister.on_apply = lambda operations: None
    wait_until(lambda: not bench.runner.status().quarantined, what="the end of the quarantine")
    bench.master.feed.offer()
    wait_until(lambda: len(bench.master.launched()) == 2, what="its launch")


def test_a_wish_that_is_too_large_is_refused_before_anything_is_stored(bench: Bench) -> None:
    """Its size is told; the others run."""
    bench.lead()
    bench.plugin.asked[-1].publish_all({"web": service(), "huge": service("huge", environment={"A": "x" * 500_000})})
    wait_until(lambda: "huge" in bench.runner.status().problems, what="a report of the wish")
    assert "more than the 450000 that can be stored" in bench.runner.status().problems["huge"]
    bench.launch()
    assert bench.runner.status().skipped == ()


def test_offers_that_break_the_core_are_given_back_and_the_process_is_not_ready(bench: Bench) -> None:
    """Neither accepted nor declined they would be nobody's for as long as the stream lives."""
    bench.lead()
    odd = replace(make_offer(7, "a1", "test"), resources=None)
    bench.master.feed.post(OffersReceived(offers=(odd,), unreadable={OfferId("o8"): "no role"}))
    wait_until(
        lambda: any(isinstance(call, Decline) and call.offer_ids == ("o7", "o8") for call in bench.master.calls),
        what="a DECLINE",
    )
    assert "the last offers were given up: TypeError" in bench.runner.status().reason
    bench.launch()
    assert bench.runner.status().ready


def test_a_process_that_cannot_store_is_not_ready(bench: Bench) -> None:
    """Nothing goes on while writing fails, and readiness says why."""
    bench.lead()
    bench.persister.down.set()
    bench.master.feed.offer()
    wait_until(lambda: "nothing can be stored" in bench.runner.status().reason, what="the reason")
    bench.persister.down.clear()
    bench.wait_ready()


def test_an_operators_action_is_answered_after_it_is_stored(bench: Bench) -> None:
    """`submit` returns when storage has it."""
    bench.lead()
    bench.launch()
    written: list[str] = []

    def note(operations: object) -> None:
        assert isinstance(operations, list)
        written.extend(operation.path for operation in operations)

    bench.persister.on_apply = note
    bench.runner.submit(PodActionRequested(service="web", pod="pod-0", action="restart"))
    assert any(path.endswith("/pods/pod-0") for path in written)


def test_a_removed_framework_is_a_fatal_state_with_a_sentence(bench: Bench) -> None:
    """Mesos forgot the id: no new framework is made, the state says what to do."""
    bench.lead()
    bench.master.feed.fail("Framework has been removed", removed=True)
    wait_until(lambda: bench.runner.status().phase is Phase.REMOVED, what="removed")
    assert "framework-1" in bench.runner.status().reason
    assert "/v1/renew" in bench.runner.status().reason
    assert len(bench.master.feeds) == 1


def test_a_removed_framework_goes_on_under_a_new_id_when_asked(bench: Bench) -> None:
    """The new subscription has no id; the old one stays on record, and instances are launched anew."""
    bench.lead()
    bench.launch()
    bench.master.feed.fail("Framework has been removed", removed=True)
    wait_until(lambda: bench.runner.status().phase is Phase.REMOVED, what="removed")
    bench.runner.submit(RenewalRequested())
    wait_until(lambda: len(bench.master.feeds) == 2, what="a new subscription")
    bench.wait_ready()
    record = bench.store.load_framework()
    assert record is not None
    assert record.earlier == ("framework-1",)
    assert bench.runner.status().phase is Phase.LEADING


def test_a_process_gives_way_to_another_scheduler_with_its_id(bench: Bench) -> None:
    """Whoever has the id and not the lock is not thrown out: the charge is free for whom an operator starts."""
    bench.lead()
    bench.launch()
    bench.master.feed.fail("Framework failed over")
    why = wait_until(lambda: bench.superseded, 30, "the end")[0]
    assert "another scheduler has subscribed as framework framework-1 (Framework failed over)" in why
    assert bench.lock.stopped
    assert len(bench.master.feeds) == 1
    assert (bench.runner.status().phase, bench.runner.status().reason) == (Phase.SUPERSEDED, why)
    assert not any(isinstance(call, Teardown) for call in bench.master.calls)
    assert bench.stored_tasks() == {bench.master.launched()[0].task_id: TaskState.RUNNING}


def test_a_process_whose_successor_subscribed_is_a_standby(bench: Bench) -> None:
    """It hears of the lock a little later than of the subscription, and serves again when it is in charge again."""
    bench.lead()
    bench.lock.suspend()
    bench.master.feed.fail("Framework failed over")
    wait_until(lambda: "failed over" in bench.runner.status().reason or not bench.runner.status().ready, what="the end")
    bench.lock.take()
    wait_until(lambda: bench.runner.status().phase is Phase.STANDBY, what="a standby")
    bench.lock.give(bench.persister)
    bench.wait_ready()
    assert bench.superseded == []


def test_an_uninstall_of_a_removed_framework_takes_a_new_id(bench: Bench) -> None:
    """What is reserved under the old id is offered under a new one only."""
    bench.lead()
    bench.launch()
    bench.master.feed.fail("Framework has been removed", removed=True)
    wait_until(lambda: bench.runner.status().phase is Phase.REMOVED, what="removed")
    bench.runner.submit(UninstallRequested())
    wait_until(lambda: len(bench.master.feeds) == 2, what="a new subscription")
    assert bench.master.feed.record.framework_id is None


def test_an_uninstall_leaves_nothing_and_no_standby_begins_again(bench: Bench) -> None:
    """Tasks are killed, TEARDOWN is sent, nodes are gone; the lock stays until the process stops."""
    bench.lead()
    bench.launch()
    bench.runner.submit(UninstallRequested())
    task = bench.master.launched()[0]
    wait_until(lambda: [call for call in bench.master.calls if type(call).__name__ == "Kill"], what="a kill")
    bench.master.feed.status(task, TaskState.KILLED)

    def torn_down() -> bool:
        return any(isinstance(call, Teardown) for call in bench.master.calls)

    bench.master.feed.offer_reserved(99)
    wait_until(lambda: "Unreserve(" in str(bench.master.calls), what="the reservation is released")
    wait_until(torn_down, timeout=30, what="TEARDOWN")
    wait_until(lambda: bench.runner.status().phase is Phase.UNINSTALLED, what="uninstalled")
    assert bench.plugin.gone.is_set()
    assert bench.persister.children(bench.store.path) == ("leader",)
    bench.runner.stop()
    assert bench.persister.children("/r/frameworks") == ()


def test_stopping_sends_no_teardown(bench: Bench) -> None:
    """A stopped process closes its stream and lets the tasks live."""
    bench.lead()
    bench.launch()
    bench.runner.stop()
    assert bench.master.feed.stopped.is_set()
    assert not any(isinstance(call, Teardown) for call in bench.master.calls)
    assert bench.lock.stopped


def test_an_identity_that_cannot_be_read_keeps_the_process_from_subscribing(bench: Bench) -> None:
    """Acting without it would begin a second framework; the path of the node is shown."""
    path = f"{bench.store.path}/framework"
    bench.persister.apply([Put(path, b"garbage")])
    bench.runner.start()
    bench.lock.give(bench.persister)
    wait_until(lambda: path in bench.runner.status().reason, what="the node's path")
    assert bench.master.feeds == []


def test_a_standby_does_not_tell_what_went_wrong_while_it_was_in_charge(bench: Bench) -> None:
    """Another process may be well with it, and an operator would look for what is mended."""
    path = f"{bench.store.path}/framework"
    bench.persister.apply([Put(path, b"garbage")])
    bench.runner.start()
    bench.lock.give(bench.persister)
    wait_until(lambda: path in bench.runner.status().reason, what="the node's path")
    bench.lock.take()
    wait_until(lambda: bench.runner.status().phase is Phase.STANDBY, what="the standby")
    wait_until(lambda: bench.runner.status().error is None, what="the end of the error")
    assert path not in bench.runner.status().reason


def test_a_record_that_cannot_be_read_is_told_by_its_service_and_keeps_nobody_else(bench: Bench) -> None:
    """The others run; the plugin hears that the service is there."""
    path = f"{bench.store.path}/services/old/pods/pod-0"
    bench.persister.apply([Put(path, b"garbage")])
    bench.lead()
    bench.launch()
    assert path in bench.runner.status().problems["old"]
    assert bench.runner.services == {"old", "web"}


def test_updates_that_arrive_together_share_one_write(bench: Bench) -> None:
    """A burst costs a few multis, not one per event."""
    bench.plugin.services = {"web": service(count=8)}
    bench.lead()
    bench.master.feed.offer()
    wait_until(lambda: len(bench.master.launched()) == 8, what="eight launches")
    before = len(bench.persister.batches)
    bench.lock.suspend()
    for task in bench.master.launched():
        bench.master.feed.status(task, TaskState.RUNNING)
    bench.lock.suspend(False)
    wait_until(lambda: len(bench.acknowledged()) == 8, what="eight acknowledgements")
    assert len(bench.persister.batches) - before <= 4


def test_a_role_is_stored_once_mesos_accepted_it(bench: Bench) -> None:
    """A refused one is no part of what is subscribed with next, an accepted one is."""
    bench.master.forbidden = {"secret"}
    bench.plugin.services = {"web": service(), "bad": service("bad", role="secret"), "more": service("more", role="x")}
    bench.lead()
    wait_until(lambda: bench.runner.status().problems, what="a problem")
    assert list(bench.runner.status().problems) == ["bad"]
    assert "Mesos refuses the role secret: HTTP 403: Not authorized" in bench.runner.status().problems["bad"]
    wait_until(lambda: bench.stored_roles() == ("test", "x"), what="the accepted role in storage")
    assert bench.runner.status().ready


def test_a_role_that_was_taken_from_us_does_not_keep_the_framework_out(bench: Bench) -> None:
    """SUBSCRIBE is refused with a role that was ours; without it the framework gets in, and its service tells why."""
    bench.plugin.services = {"web": service(), "bad": service("bad", role="secret")}
    bench.lead()
    wait_until(lambda: bench.stored_roles() == ("secret", "test"), what="both roles")
    bench.lock.take()
    wait_until(lambda: bench.runner.status().phase is Phase.STANDBY, what="standby")
    bench.master.forbidden = {"secret"}
    bench.lock.give(bench.persister)
    bench.wait_ready()
    bench.plugin.asked[-1].publish_all(bench.plugin.services)
    wait_until(lambda: "bad" in bench.runner.status().problems, what="the refusal")
    wait_until(lambda: bench.stored_roles() == ("test",), what="the role is ours no more")


def test_what_was_published_in_an_earlier_term_removes_nothing(bench: Bench) -> None:
    """It may be older than what another process carried out meanwhile: the plugin has to speak anew."""
    bench.plugin.services = {"web": service(), "new": service("new")}
    bench.lead()
    bench.master.feed.offer()
    wait_until(lambda: len(bench.master.launched()) == 2, what="two launches")
    bench.plugin.asked[-1].publish_all({"web": service(), "new": service("new"), "third": service("third")})
    wait_until(lambda: "third" in bench.store.load().services, what="the third")
    bench.lock.take()
    wait_until(lambda: bench.runner.status().phase is Phase.STANDBY, what="standby")
    # A view from before, which a callback had read and tells late, to the term that is over.
    bench.plugin.asked[0].publish_all({"web": service()})
    bench.plugin.took_charge = lambda targets: bench.plugin.asked.append(targets)  # type: ignore[method-assign]
    bench.lock.give(bench.persister)
    bench.wait_ready()
    bench.plugin.asked[0].publish_all({"web": service()})
    bench.master.feed.offer(8)
    wait_until(lambda: any("o8" in str(call) for call in bench.master.feed.calls), what="an answer to the offer")
    snapshot = bench.runner.snapshot()
    assert snapshot is not None
    assert {name: view.removing for name, view in snapshot.services.items()} == dict.fromkeys(
        ("new", "third", "web"), False
    )
    bench.plugin.asked[1].publish_all({"web": service()})  # read after it took charge: this is meant
    wait_until(lambda: [call for call in bench.master.calls if isinstance(call, Kill)], what="the removal")


def test_a_plugin_that_fails_to_take_charge_is_asked_again(bench: Bench) -> None:
    """What is stored holds meanwhile; the process goes on."""
    good, tries = bench.plugin.took_charge, itertools.count()

    def took_charge(targets: Targets) -> None:
        if next(tries) == 0:
            raise RuntimeError("not now")
        good(targets)

    bench.plugin.took_charge = took_charge  # type: ignore[method-assign]
    bench.lead()
    wait_until(lambda: len(bench.plugin.asked) == 1, timeout=20, what="the second try")
    bench.launch()


def test_an_offer_that_is_rescinded_already_is_not_accepted(bench: Bench) -> None:
    """Both events waited together: the launch would be dropped, and the instance would begin anew."""
    bench.lead()
    bench.lock.suspend()
    wait_until(lambda: "does not answer" in bench.runner.status().reason, what="suspended")
    bench.master.feed.post(Tick())  # the runner's thread waits with this one
    bench.master.feed.offer(1)
    bench.master.feed.post(OfferRescinded(offer_id=OfferId("o1")))
    bench.master.feed.offer(2, agent="a2")
    bench.lock.suspend(False)
    task = wait_until(bench.master.launched, what="a launch")[0]
    assert task.agent_id == "a2"
    assert not any("o1" in str(call) for call in bench.master.calls)


@pytest.mark.slow
def test_a_stream_is_not_read_on_while_too_many_events_wait(bench: Bench) -> None:
    """ZooKeeper is away and Mesos goes on talking: memory stays bounded, and afterwards nothing is missing."""
    bench.lead()
    bench.persister.down.set()
    bench.master.feed.offer()
    wait_until(lambda: bench.persister.refused >= 1, what="a try to store")
    told, peak = itertools.count(), [0.0]
    status = TaskStatus(task_id=TaskId("stranger"), state=TaskState.FINISHED)

    def talk() -> None:
        for _ in range(2 * BACKLOG):
            bench.master.feed.post(StatusReceived(status=status))
            next(told)
            peak[0] = max(peak[0], waiting())

    def waiting() -> float:
        return bench.metrics.registry.get_sample_value("sdk_queue_length", {"framework": "test"}) or 0.0

    def handled() -> float:
        labels = {"framework": "test", "type": "StatusReceived"}
        return bench.metrics.registry.get_sample_value("sdk_events_total", labels) or 0.0

    stream = threading.Thread(target=talk, daemon=True)
    stream.start()
    wait_until(lambda: waiting() >= BACKLOG, timeout=30, what="a full queue")
    bench.persister.down.clear()
    wait_until(lambda: handled() == 2 * BACKLOG, timeout=60, what="all events")
    assert peak[0] <= BACKLOG


def test_a_blocked_stream_ends_with_the_term(bench: Bench) -> None:
    """Whoever waits for room is let go when the charge is lost."""
    bench.lead()
    bench.persister.down.set()
    bench.master.feed.offer()
    wait_until(lambda: bench.persister.refused >= 1, what="a try to store")
    event = StatusReceived(status=TaskStatus(task_id=TaskId("stranger"), state=TaskState.FINISHED))
    feed = bench.master.feed
    stream = threading.Thread(target=lambda: [feed.post(event) for _ in range(2 * BACKLOG)], daemon=True)
    stream.start()
    bench.lock.take()
    stream.join(30)
    assert not stream.is_alive()


def test_what_executors_say_is_for_the_plugin_and_what_it_says_goes_out(bench: Bench) -> None:
    """Nothing is decided or stored for it; a hearer that fails does not end the stream."""
    bench.lead()
    bench.launch()
    heard: list[ExecutorMessage] = []
    from_executor = ExecutorMessage(agent_id=AgentId("agent-1"), executor_id=ExecutorId("web-1"), data=b"hello")

    def hear(message: ExecutorMessage) -> None:
        heard.append(message)
        raise RuntimeError("a defect of the plugin")

    bench.master.feed.post(from_executor)
    assert not heard
    bench.runner.hear(hear)
    stored = len(bench.persister.batches)
    bench.master.feed.post(from_executor)
    assert heard == [from_executor]
    assert len(bench.persister.batches) == stored
    bench.runner.tell(AgentId("agent-1"), ExecutorId("web-1"), b"and you")
    sent = SendMessage(agent_id=AgentId("agent-1"), executor_id=ExecutorId("web-1"), data=b"and you")
    assert bench.master.calls[-1] == sent
    assert "and you" not in repr(sent)
    records = bench.runner.records("web")
    assert [record.service for record in records] == ["web"]
    assert not bench.runner.records("nothing")


def test_a_standby_says_nothing_and_knows_no_instances(bench: Bench) -> None:
    """Another process is in charge."""
    bench.runner.start()
    with pytest.raises(LeadershipLost):
        bench.runner.tell(AgentId("agent-1"), ExecutorId("web-1"), b"hello")
    assert not bench.runner.records("web")
