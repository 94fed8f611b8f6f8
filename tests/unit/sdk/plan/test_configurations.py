"""Which configurations instances have: wanted, kept, and those that nobody is launched with again."""

from sdk.model.ids import AgentId, ConfigId, TaskId
from sdk.model.records import PodRecord, TaskRecord
from sdk.model.spec import CommandSpec, PodSpec, RecoveryPolicy, ServiceSpec, TaskSpec
from sdk.model.status import TaskState, TaskStatus
from sdk.plan.configurations import Having, configurations
from sdk.plan.wish import target

_KEPT, _FORGOTTEN = ConfigId("kept"), ConfigId("forgotten")


def _pod(command: str, count: int = 3, replace_after: float = 60.0) -> PodSpec:
    task = TaskSpec(name="server", cpus=100, mem=32_000, command=CommandSpec(value=command))
    return PodSpec(name="app", count=count, tasks=(task,), recovery=RecoveryPolicy(replace_after=replace_after))


def _record(index: int, *configs: ConfigId, earlier: ConfigId | None = None) -> PodRecord:
    tasks = tuple(
        TaskRecord(
            name=f"t{number}",
            task_id=TaskId(f"{index}-{number}"),
            agent_id=AgentId("a"),
            hostname="h",
            config=config,
            status=TaskStatus(task_id=TaskId(f"{index}-{number}"), state=TaskState.RUNNING),
            launched_at=10.0 * index + number,
            changed_at=99.0,
        )
        for number, config in enumerate(configs)
    )
    return PodRecord(service="web", pod="app", index=index, tasks=tasks, earlier=earlier)


def test_each_has_the_instances_that_were_launched_with_it_or_keep_it() -> None:
    """The wanted one comes first; a kept one shows its instance also while that has no task."""
    wanted = target(ServiceSpec(name="web", pods=(_pod("new"),)))
    new = wanted.pods["app"].config
    records = [_record(2, earlier=_KEPT), _record(1, _KEPT, _KEPT, earlier=_KEPT), _record(0, new), _record(3, _KEPT)]
    first, second = configurations(wanted, records, {_KEPT: _pod("old")})
    assert (first.id, first.pod, first.wanted) == (new, "app", True)
    assert first.instances == (Having(instance="app-0", since=0.0, keeps=False),)
    assert (second.id, second.pod, second.wanted) == (_KEPT, "app", False)
    assert second.instances == (
        Having(instance="app-1", since=10.0, keeps=True),
        Having(instance="app-2", since=None, keeps=True),
        Having(instance="app-3", since=30.0, keeps=False),
    )


def test_an_earlier_one_is_told_under_the_policies_that_hold() -> None:
    """Its own number of instances and recovery are no longer true."""
    wanted = target(ServiceSpec(name="web", pods=(_pod("new", count=5, replace_after=7.0),)))
    _, found = configurations(wanted, [_record(0, _KEPT, earlier=_KEPT)], {_KEPT: _pod("old", count=1)})
    assert found.spec == _pod("old", count=5, replace_after=7.0)


def test_what_is_not_stored_is_told_without_its_content() -> None:
    """An instance may still run what it will not be launched with again."""
    wanted = target(ServiceSpec(name="web", pods=(_pod("new"),)))
    first, second = configurations(wanted, [_record(0, _FORGOTTEN)], {})
    assert (first.instances, second.id, second.spec) == ((), _FORGOTTEN, None)
    assert second.instances == (Having(instance="app-0", since=0.0, keeps=False),)


def test_a_service_that_is_removed_has_what_its_instances_have() -> None:
    """Nothing is wanted."""
    [found] = configurations(None, [_record(0, _KEPT, earlier=_KEPT)], {_KEPT: _pod("old")})
    assert (found.id, found.wanted, found.spec) == (_KEPT, False, _pod("old"))
