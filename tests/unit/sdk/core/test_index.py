"""The index follows the records."""

from hypothesis import given
from hypothesis import strategies as st

from sdk.core.index import Index
from sdk.core.stored import PodKey
from sdk.model.ids import AgentId, ConfigId, ResourceId, TaskId
from sdk.model.records import Holding, PodRecord, Superseded, TaskRecord
from sdk.model.status import TaskState, TaskStatus

AGENTS = st.sampled_from("abc").map(AgentId)
RESOURCES = st.none() | st.integers(0, 3).map(lambda number: ResourceId(f"r{number}"))
ROLES = st.sampled_from(("*", "role"))


def _task(task_id: TaskId, agent_id: AgentId) -> TaskRecord:
    return TaskRecord(
        name=task_id,
        task_id=task_id,
        agent_id=agent_id,
        hostname=agent_id,
        config=ConfigId("c"),
        status=TaskStatus(task_id=task_id, state=TaskState.RUNNING),
        launched_at=0.0,
        changed_at=0.0,
    )


@st.composite
def records(draw: st.DrawFn, key: PodKey) -> PodRecord:
    """Any record of an instance; ids are its own, as Mesos' are."""
    own = f"{key[0]}-{key[1]}"
    tasks = draw(st.lists(st.tuples(st.integers(0, 3), AGENTS), max_size=2, unique_by=lambda pair: pair[0]))
    left = draw(st.lists(st.tuples(st.integers(4, 7), AGENTS, RESOURCES, ROLES, st.booleans()), max_size=2))
    held = draw(st.none() | st.tuples(AGENTS, RESOURCES, ROLES))
    return PodRecord(
        service=key[0],
        pod=key[1].partition("-")[0],
        index=int(key[1].partition("-")[2]),
        tasks=tuple(_task(TaskId(f"{own}-{number}"), agent) for number, agent in tasks),
        superseded=tuple(
            Superseded(
                task_id=TaskId(f"{own}-{number}"),
                agent_id=agent,
                since=0.0,
                role=role,
                resource_id=None if resource is None else ResourceId(f"{own}-left-{resource}"),
                serving=serving,
            )
            for number, agent, resource, role, serving in left
        ),
        holding=None
        if held is None
        else Holding(
            agent_id=held[0],
            hostname=held[0],
            role=held[2],
            resources=(),
            resource_id=None if held[1] is None else ResourceId(f"{own}-{held[1]}"),
        ),
        replacing_since=draw(st.none() | st.just(5.0)),
        failures=draw(st.integers(0, 1)),
    )


@given(st.data())
def test_updated_index_is_the_one_made_from_the_records(data: st.DataObject) -> None:
    """After any row of changes; and the index says which agents have nobody any more."""
    index = Index()
    present: dict[PodKey, PodRecord] = {}
    for _ in range(data.draw(st.integers(1, 12))):
        key: PodKey = data.draw(st.tuples(st.sampled_from(("web", "api")), st.sampled_from(("app-0", "app-1"))))
        record = data.draw(st.none() | records(key))
        agents = set(index.by_agent)
        deserted = index.change(key, present.get(key), record)
        if record is None:
            present.pop(key, None)
        else:
            present[key] = record
        assert index == Index.of(present.values())
        assert deserted == agents - set(index.by_agent)
