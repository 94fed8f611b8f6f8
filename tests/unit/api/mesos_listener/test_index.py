"""The index of running tasks, fed with recorded and made-up operator events."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from api.mesos_listener.concerned import Concerned
from api.mesos_listener.delta import Delta
from api.mesos_listener.index import RECOVERED_PATIENCE, UNKNOWN_PATIENCE
from api.mesos_listener.snapshot import Snapshot
from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.unheard import NO_NEWS
from tests.unit.api.mesos_listener import messages as m

TRACES = Path(__file__).parents[3] / "data" / "mesos-traces"


def trace_events(name: str, stream: str = "op1") -> list[tuple[float, dict[str, Any]]]:
    lines = [json.loads(line) for line in (TRACES / name).read_text().splitlines()]
    return [
        (line["t"], line["body"])
        for line in lines
        if line["who"] == "operator" and line["kind"] == "event" and line["id"] == stream
    ]


def replay(events: list[tuple[float, dict[str, Any]]]) -> tuple[m.JsonIndex, list[tuple[float, Delta]]]:
    index = m.JsonIndex()
    deltas = [(at, index.take(event, at)) for at, event in events]
    return index, [(at, delta) for at, delta in deltas if not delta.is_empty]


def story(deltas: list[tuple[float, Delta]]) -> list[str]:
    lines = []
    for _, delta in deltas:
        for task in delta.updated:
            health = "" if task.healthy is None else f" healthy={task.healthy}"
            lines.append(f"{'~' if task.leaving else '+'}{task.id}{health}")
        lines += [f"-{key.id}" for key in delta.removed]
    return lines


def ids(index: m.JsonIndex) -> set[str]:
    return {key.id for key in index.running}


def started(*tasks: str, agents: tuple[str, ...] = ("a1",)) -> m.JsonIndex:
    index = m.JsonIndex()
    index.take(
        m.subscribed(
            [m.running(task) for task in tasks],
            [m.agent_json(agent) for agent in agents],
            [m.framework_json("f1", "shop")],
        ),
        0.0,
    )
    return index


class TestRecorded:
    def test_a_recorded_run_of_a_master_is_told_task_by_task(self) -> None:
        """Start, health, kill, lost agent, returned agent and unregistered agent as Mesos 1.12 said them."""
        index, deltas = replay(trace_events("11-operator-api.jsonl"))
        assert story(deltas) == [
            "+cmd-1",
            "+cmd-1 healthy=True",
            "+web-1 healthy=True",
            "~cmd-1 healthy=True",
            "-cmd-1",
            "~web-1 healthy=True",
            "-web-1",
            "+cmd-2",
            "-cmd-2",
            "+cmd-2",
            "-cmd-2",
        ]
        assert index.complete
        assert not index.running

    def test_a_recorded_partition_removes_and_returns_tasks(self) -> None:
        """TASK_UNREACHABLE removes; TASK_ADDED of a returning agent brings back, except what failed meanwhile."""
        _, deltas = replay(trace_events("08-agent-failure.jsonl"))
        assert [line for line in story(deltas) if "e-4" in line or "c-1" in line] == [
            "+c-1",
            "-c-1",
            "+c-1",
            "+e-4 healthy=True",
            "-e-4",
            "-c-1",
            "+c-1",
            "+e-4 healthy=True",
            "-c-1",
            "-e-4",
            "+c-1",
            "-c-1",
        ]

    def test_a_task_is_told_with_its_framework_and_agent(self) -> None:
        """Names and addresses that stand in other messages are joined to the task."""
        index, _ = replay([entry for entry in trace_events("11-operator-api.jsonl") if entry[0] < 3.0])
        web = next(task for task in index.running.values() if task.id == "web-1")
        assert (web.framework_name, web.agent_hostname, web.agent_address) == (
            "trace",
            "agent1.mesos.test",
            "127.0.0.1",
        )
        assert web.labels == ()

    def test_the_snapshot_of_a_second_stream_equals_the_followed_events(self) -> None:
        """Whoever connects later sees the same tasks as whoever was there from the beginning."""
        followed, _ = replay([entry for entry in trace_events("11-operator-api.jsonl") if entry[0] < 3.779])
        snapshot, _ = replay(trace_events("11-operator-api.jsonl", "op2"))
        assert snapshot.running == followed.running


class TestUpdates:
    def test_updates_of_unknown_tasks_are_ignored(self) -> None:
        """The master may tell of tasks whose beginning we did not see."""
        index = started()
        assert index.take(m.task_updated("ghost", m.status_json("TASK_RUNNING")), 1.0).is_empty

    def test_a_terminal_task_that_waits_for_its_acknowledgement_is_ignored(self) -> None:
        """It stands in `tasks` of the snapshot, but nothing runs any more."""
        index = m.JsonIndex()
        index.take(
            m.subscribed(
                [m.task_json("t1", state="TASK_FINISHED", status_update_state="TASK_RUNNING")], [m.agent_json("a1")]
            ),
            0.0,
        )
        assert not index.running

    def test_the_agents_newest_state_counts_before_the_delivered_status(self) -> None:
        """A late TASK_RUNNING update of a task that has finished already does not send traffic to it."""
        index = started("t1")
        delta = index.take(m.task_updated("t1", m.status_json("TASK_RUNNING"), state="TASK_FINISHED"), 1.0)
        assert [key.id for key in delta.removed] == ["t1"]

    def test_a_task_that_is_being_killed_is_leaving_until_it_has_ended(self) -> None:
        """TASK_KILLING is the moment to stop sending new requests; those that it has are finished."""
        index = started("t1")
        delta = index.take(m.task_updated("t1", m.status_json("TASK_KILLING")), 1.0)
        assert [(task.id, task.leaving, task.takes_traffic) for task in delta.updated] == [("t1", True, False)]
        assert delta.removed == ()
        again = m.JsonIndex()
        again.take(m.subscribed([m.running("t1") | {"state": "TASK_KILLING"}], [m.agent_json("a1")]), 0.0)
        assert [task.leaving for task in again.running.values()] == [True]
        gone = index.take(m.task_updated("t1", m.status_json("TASK_KILLED")), 2.0)
        assert [key.id for key in gone.removed] == ["t1"]

    def test_a_task_that_is_killed_before_it_ran_is_never_told(self) -> None:
        """It has no requests to finish."""
        index = started()
        index.take(m.task_added(m.task_json("t1")), 1.0)
        assert index.take(m.task_updated("t1", m.status_json("TASK_KILLING")), 2.0).is_empty

    def test_a_repeated_update_is_no_change(self) -> None:
        """Mesos delivers at least once; readers are told once."""
        index = started("t1")
        assert index.take(m.task_updated("t1", m.status_json("TASK_RUNNING", timestamp=2000.0)), 1.0).is_empty

    def test_a_removed_agent_or_framework_takes_its_tasks_along(self) -> None:
        """Their tasks are over even if no update says so."""
        index = started("t1", "t2")
        assert {key.id for key in index.take(m.agent_removed("a1"), 1.0).removed} == {"t1", "t2"}
        index = started("t1")
        assert {key.id for key in index.take(m.framework_removed("f1"), 1.0).removed} == {"t1"}

    def test_task_ids_are_unique_only_within_a_framework(self) -> None:
        """Two frameworks may call a task the same."""
        index = started("t1")
        index.take(m.task_added(m.running("t1", framework="f2")), 1.0)
        index.take(m.task_updated("t1", m.status_json("TASK_KILLED"), framework="f2"), 2.0)
        assert set(index.running) == {TaskKey(framework_id="f1", id="t1")}

    def test_a_framework_named_later_completes_its_tasks(self) -> None:
        """After a failover tasks may be told before their framework is."""
        index = m.JsonIndex()
        index.take(m.subscribed([m.running("t1")], [m.agent_json("a1")]), 0.0)
        delta = index.take(m.framework_added(m.framework_json("f1", "marathon")), 1.0)
        assert [(task.framework_name, task.marathon_id) for task in delta.updated] == [("marathon", "/t1")]

    def test_a_framework_without_a_name_does_not_overwrite_the_known_name(self) -> None:
        """A recovered framework may be told with its id only."""
        index = started("t1")
        assert index.take(m.framework_added(m.framework_json("f1", "")), 1.0).is_empty
        assert next(iter(index.running.values())).framework_name == "shop"


class TestFailover:
    def test_tasks_of_agents_that_are_still_to_return_are_carried_over(self) -> None:
        """A new master knows nothing yet; nobody may conclude that nothing runs."""
        index = started("t1", "t2")
        info = {"id": m.wid("a1"), "hostname": "a1.example"}
        assert index.take(m.subscribed(recovered=[info]), 10.0).is_empty
        assert ids(index) == {"t1", "t2"}
        assert index.carried == 2

    def test_the_returned_agents_list_is_complete(self) -> None:
        """Tasks are told before their agent; what is missing then has ended."""
        index = started("t1", "t2")
        index.take(m.subscribed(recovered=[{"id": m.wid("a1")}]), 10.0)
        assert index.take(m.task_added(m.running("t1")), 11.0).is_empty or ids(index) == {"t1", "t2"}
        delta = index.take(m.agent_added(m.agent_json("a1")), 11.0)
        assert [key.id for key in delta.removed] == ["t2"]
        assert ids(index) == {"t1"}

    def test_an_agent_that_never_returns_is_given_up_after_mesos_own_timeout(self) -> None:
        """Mesos declares its tasks unreachable then, without an event for tasks it does not know."""
        index = started("t1")
        index.take(m.subscribed(recovered=[{"id": m.wid("a1")}]), 10.0)
        assert not index.tick(10.0 + RECOVERED_PATIENCE - 1).removed
        assert [key.id for key in index.tick(10.0 + RECOVERED_PATIENCE).removed] == ["t1"]

    def test_an_agent_of_which_the_master_knows_nothing_is_waited_for_shortly(self) -> None:
        """A master whose registry was lost must not empty every backend at once."""
        index = started("t1")
        assert index.take(m.subscribed(), 10.0).is_empty
        assert [key.id for key in index.tick(10.0 + UNKNOWN_PATIENCE).removed] == ["t1"]

    def test_masters_that_change_often_do_not_prolong_the_wait(self) -> None:
        """The deadline of an agent counts from its first absence."""
        index = started("t1")
        index.take(m.subscribed(recovered=[{"id": m.wid("a1")}]), 10.0)
        index.take(m.subscribed(recovered=[{"id": m.wid("a1")}]), 500.0)
        assert [key.id for key in index.tick(10.0 + RECOVERED_PATIENCE).removed] == ["t1"]

    def test_tasks_that_the_new_master_calls_unreachable_are_removed(self) -> None:
        """Named is known: there is nothing to carry over."""
        index = started("t1")
        event = m.subscribed(recovered=[{"id": m.wid("a1")}], unreachable_tasks=[m.task_json("t1")])
        assert [key.id for key in index.take(event, 10.0).removed] == ["t1"]

    def test_missing_tasks_of_a_registered_agent_are_removed_at_once(self) -> None:
        """After a short break with the same master its word on its agents is complete."""
        index = started("t1", "t2")
        delta = index.take(m.subscribed([m.running("t1")], [m.agent_json("a1")]), 10.0)
        assert [key.id for key in delta.removed] == ["t2"]

    def test_the_first_view_is_complete_when_all_recovered_agents_are_back(self) -> None:
        """A listener that starts during a failover must not say that almost nothing runs."""
        index = m.JsonIndex()
        index.take(m.subscribed(recovered=[{"id": m.wid("a1")}, {"id": m.wid("a2")}]), 0.0)
        assert not index.complete
        index.take(m.agent_added(m.agent_json("a1")), 1.0)
        assert not index.complete
        index.take(m.agent_added(m.agent_json("a2")), 2.0)
        assert index.complete

    def test_the_first_view_is_complete_when_the_agents_are_back_or_overdue(self) -> None:
        """A listener that starts while the master recovers knows nothing of what the others run."""
        recovered = [{"id": m.wid(f"a{number}")} for number in range(2, 11)]
        for back in (False, True):
            index = m.JsonIndex()
            index.take(m.subscribed([m.running("t1")], [m.agent_json("a1")], recovered=recovered), 0.0)
            index.tick(RECOVERED_PATIENCE - 1)
            assert not index.complete
            if back:
                for number in range(2, 10):
                    index.take(m.agent_added(m.agent_json(f"a{number}")), 300.0)
                assert not index.complete
                index.take(m.agent_removed("a10"), 300.0)
            else:
                index.tick(RECOVERED_PATIENCE)
            assert index.complete

    def test_of_agents_that_were_not_heard_the_first_view_says_so(self) -> None:
        """Those that the master knows, and others, unless it knows of an ended task on them."""
        index = m.JsonIndex()
        begin = m.subscribed(
            [m.running("t1")],
            [m.agent_json("a1")],
            recovered=[{"id": m.wid("a2")}, {"id": m.wid("a3")}],
            unreachable_tasks=[m.task_json("t9", "a4")],
        )
        unheard = index.take(begin, 0.0).unheard
        assert unheard is not None
        assert [agent in unheard for agent in ("a1", "a2", "a3", "a4", "a5")] == [False, True, True, False, True]
        assert index.take(m.agent_added(m.agent_json("a2")), 1.0).news.heard == {"a2"}
        assert index.take(m.agent_added(m.agent_json("a2")), 2.0).is_empty
        assert index.take(m.agent_removed("a6"), 3.0).news.heard == {"a6"}
        assert index.tick(UNKNOWN_PATIENCE).news.others_overdue
        assert index.take(m.agent_added(m.agent_json("a7")), 80.0).is_empty
        # Another master changes nothing: what it does not know of others, this listener knows from the first one.
        again = m.subscribed([], [m.agent_json("a1")], recovered=[{"id": m.wid("a2")}])
        assert not index.take(again, 90.0).news
        assert index.tick(RECOVERED_PATIENCE).news.overdue == {"a3"}
        assert index.complete
        assert index.tick(10_000.0).news == NO_NEWS

    def test_what_nobody_says_ended_is_told_as_missing(self) -> None:
        """A master that lists an agent without its task, and an agent that never came back; not what an event ended."""
        begin = m.subscribed(
            [m.running("t1"), m.running("t2"), m.running("t3", "a2"), m.running("t4", "a3")],
            [m.agent_json("a1"), m.agent_json("a2"), m.agent_json("a3")],
            [m.framework_json("f1", "marathon")],
        )

        def ids(delta: Delta) -> tuple[list[str], list[str]]:
            return sorted(key.id for key in delta.removed), sorted(key.id for key in delta.missing)

        index = m.JsonIndex()
        index.take(begin, 0.0)
        assert ids(index.take(m.task_updated("t1", m.status_json("TASK_KILLED")), 1.0)) == (["t1"], [])
        again = m.subscribed(
            [], [m.agent_json("a1")], [m.framework_json("f1", "marathon")], recovered=[{"id": m.wid("a2")}]
        )
        assert ids(index.take(again, 2.0)) == (["t2"], ["t2"])
        assert ids(index.take(m.agent_removed("a3"), 3.0)) == (["t4"], [])
        assert ids(index.tick(2.0 + RECOVERED_PATIENCE)) == (["t3"], ["t3"])
        index.take(begin, 1000.0)
        assert ids(index.take(m.framework_removed("f1"), 1001.0)) == (["t1", "t2", "t3", "t4"], [])

    def test_before_the_first_subscription_nothing_is_complete(self) -> None:
        """Mesos was never heard."""
        index = m.JsonIndex()
        index.tick(10_000.0)
        assert not index.complete


class ModelMaster:
    """A master in a few lines: keeps the Task messages and says the events that a real one says."""

    def __init__(self) -> None:
        self.agents: dict[str, m.Json] = {}
        self.frameworks: dict[str, m.Json] = {}
        self.tasks: dict[tuple[str, str], m.Json] = {}

    def add_agent(self, agent: str) -> list[m.Json]:
        self.agents[agent] = m.agent_json(agent, f"10.0.0.{len(agent) + 1}")
        return [m.agent_added(self.agents[agent])]

    def add_framework(self, framework: str) -> list[m.Json]:
        self.frameworks[framework] = m.framework_json(framework, f"marathon-{framework}")
        return [m.framework_added(self.frameworks[framework])]

    def launch(self, task: str, agent: str, framework: str) -> list[m.Json]:
        if agent not in self.agents or framework not in self.frameworks or (framework, task) in self.tasks:
            return []
        raw = m.task_json(task, agent, framework, labels={"labels": [{"key": "k", "value": task}]})
        self.tasks[(framework, task)] = raw | {"statuses": []}
        return [m.task_added(json.loads(json.dumps(raw)))]

    def update(self, task: str, framework: str, state: str, healthy: bool | None) -> list[m.Json]:
        raw = self.tasks.get((framework, task))
        status = m.status_json(state, healthy, ips=("10.9.0.1",) if state == "TASK_RUNNING" else ())
        if raw is None:
            return [m.task_updated(task, status, framework)]
        if state in ("TASK_FINISHED", "TASK_UNREACHABLE"):
            del self.tasks[(framework, task)]
        else:
            raw["state"] = state
            raw["statuses"].append(status)
        return [m.task_updated(task, status, framework)]

    def lose_agent(self, agent: str) -> list[m.Json]:
        if self.agents.pop(agent, None) is None:
            return []
        lost = [key for key, raw in self.tasks.items() if raw["agent_id"]["value"] == agent]
        for key in lost:
            del self.tasks[key]
        return [
            *(m.task_updated(task, m.status_json("TASK_LOST"), framework) for framework, task in lost),
            m.agent_removed(agent),
        ]

    def remove_framework(self, framework: str) -> list[m.Json]:
        self.frameworks.pop(framework, None)
        for key in [key for key in self.tasks if key[0] == framework]:
            del self.tasks[key]
        return [m.framework_removed(framework)]

    def snapshot(self) -> m.Json:
        return m.subscribed(list(self.tasks.values()), list(self.agents.values()), list(self.frameworks.values()))


AGENTS, FRAMEWORKS, TASKS = st.sampled_from(["a1", "a2b"]), st.sampled_from(["f1", "f2"]), st.sampled_from("tuvw")
STATES = st.sampled_from(
    ["TASK_STARTING", "TASK_RUNNING", "TASK_RUNNING", "TASK_KILLING", "TASK_FINISHED", "TASK_UNREACHABLE"]
)
Action = Callable[[ModelMaster], list[m.Json]]
ACTIONS = st.one_of(
    st.builds(lambda agent: lambda master: master.add_agent(agent), AGENTS),
    st.builds(lambda framework: lambda master: master.add_framework(framework), FRAMEWORKS),
    st.builds(lambda t, a, f: lambda master: master.launch(t, a, f), TASKS, AGENTS, FRAMEWORKS),
    st.builds(
        lambda t, f, s, h: lambda master: master.update(t, f, s, h),
        TASKS,
        FRAMEWORKS,
        STATES,
        st.sampled_from([None, True, False]),
    ),
    st.builds(lambda agent: lambda master: master.lose_agent(agent), AGENTS),
    st.builds(lambda framework: lambda master: master.remove_framework(framework), FRAMEWORKS),
    st.just(lambda master: [master.snapshot()]),  # a break of the stream: subscribed again to the same master
)


@given(st.lists(ACTIONS, max_size=40))
def test_after_any_events_the_index_equals_one_made_from_the_masters_snapshot(actions: list[Action]) -> None:
    """Following is the same as asking again, and the deltas add up to the tables."""
    master, index = ModelMaster(), m.JsonIndex()
    index.take(master.snapshot(), 0.0)
    seen: dict[TaskKey, Task] = {}
    for action in [*map(lambda name: lambda model: model.add_framework(name), ("f1", "f2")), *actions]:
        for event in action(master):
            delta = index.take(event, 1.0)
            seen |= {task.key: task for task in delta.updated}
            for key in delta.removed:
                del seen[key]
    fresh = m.JsonIndex()
    fresh.take(master.snapshot(), 0.0)
    assert dict(index.running) == dict(fresh.running) == seen


@given(st.lists(ACTIONS, max_size=30), st.lists(ACTIONS, max_size=10))
def test_after_a_failover_the_index_equals_the_new_master_once_agents_are_back(
    before: list[Action], away: list[Action]
) -> None:
    """Whatever happened while no master led, the end is the new master's view."""
    master, index = ModelMaster(), m.JsonIndex()
    index.take(master.snapshot(), 0.0)
    for action in before:
        for event in action(master):
            index.take(event, 1.0)
    for action in away:
        action(master)  # nobody hears of it
    index.take(
        m.subscribed(
            frameworks=list(master.frameworks.values()),
            recovered=[agent["agent_info"] for agent in master.agents.values()],
        ),
        2.0,
    )
    for name, agent in master.agents.items():
        for raw in master.tasks.values():
            if raw["agent_id"]["value"] == name:
                index.take(m.task_added(raw), 3.0)
        index.take(m.agent_added(agent), 3.0)
    index.tick(2.0 + UNKNOWN_PATIENCE)
    fresh = m.JsonIndex()
    fresh.take(master.snapshot(), 0.0)
    assert dict(index.running) == dict(fresh.running)
    assert index.carried == 0


@given(
    st.lists(st.tuples(ACTIONS, st.booleans()), max_size=25),
    st.lists(ACTIONS, max_size=6),
    st.lists(ACTIONS, max_size=6),
    st.integers(0, 20),
)
@example(
    early=[(lambda master: master.launch("w", "a1", "f2"), True)],
    before=[],
    after=[lambda master: master.update("w", "f2", "TASK_RUNNING", None)],
    delivered=0,
)
def test_a_snapshot_beside_the_events_heals_what_was_lost_and_nothing_else(
    early: list[tuple[Action, bool]], before: list[Action], after: list[Action], delivered: int
) -> None:
    """Events that are under way while it is asked for and made count, whichever come first."""
    master, index = ModelMaster(), m.JsonIndex()
    for name in ("a1", "a2b"):
        master.add_agent(name)
    for name in ("f1", "f2"):
        master.add_framework(name)
    for task in "tuv":
        master.launch(task, "a1", "f1")
        master.update(task, "f1", "TASK_RUNNING", None)
    told = {task.key: task for task in index.take(master.snapshot(), 0.0).updated}

    def follow(delta: Delta) -> None:
        told.update({task.key: task for task in delta.updated})
        for key in delta.removed:
            del told[key]

    for action, lost in early:
        for event in action(master):
            if not lost:
                follow(index.take(event, 1.0))
    concerned = Concerned()
    late = [event for action in before for event in action(master)]
    snapshot = m.read(json.loads(json.dumps(master.snapshot())))
    late += [event for action in after for event in action(master)]
    late = [event for event in late if event["type"] != "SUBSCRIBED"]
    for event in late[:delivered]:
        concerned.see(m.read(event))
        follow(index.take(event, 2.0))
    assert isinstance(snapshot, Snapshot)
    if index.differs(snapshot, concerned):
        follow(index.heal(snapshot, concerned, 3.0))
    for event in late[delivered:]:
        follow(index.take(event, 4.0))
    follow(index.tick(4.0 + UNKNOWN_PATIENCE))
    fresh = m.JsonIndex()
    fresh.take(master.snapshot(), 0.0)

    # What is said afterwards of a task that the master does not know is no reason to forget it at once.
    strange = Concerned()
    for event in late[delivered:]:
        strange.see(m.read(event))
    unknown = strange.tasks - {TaskKey(framework_id=framework, id=task) for framework, task in master.tasks}

    def unconcerned(running: Mapping[TaskKey, Task]) -> dict[TaskKey, Task]:
        return {
            key: task for key, task in running.items() if key not in unknown and not concerned.names(key, task.agent_id)
        }

    assert unconcerned(index.running) == unconcerned(fresh.running)
    # What was lost of those that events concerned is for the next time.
    again = m.read(json.loads(json.dumps(master.snapshot())))
    assert isinstance(again, Snapshot)
    follow(index.heal(again, Concerned(), 200.0))
    follow(index.tick(200.0 + UNKNOWN_PATIENCE))
    assert dict(index.running) == dict(fresh.running) == told
