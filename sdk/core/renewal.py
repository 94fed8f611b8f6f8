"""A new life under another framework id, after Mesos removed the one before for good (TEARDOWN, expired failover).

All tasks went with the old id; what was reserved under it is still there, and still ours: instances that keep their
agent are launched in it again, everything else is released as it is offered. So an uninstall needs it, too, when the id
is gone before all reservations are: nobody is offered them under no id.
"""

from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.state import Connection
from sdk.model.status import TaskState
from sdk.plan.need import over


def renewal_requested(frame: Frame) -> None:
    """Give the removed id up, but remember it; whoever holds the stream subscribes without an id then."""
    old = frame.framework.framework_id
    if frame.connection is not Connection.REMOVED or old is None:
        frame.log("warning", "The framework keeps its id: Mesos has not removed it")
        return
    earlier = (old, *frame.framework.earlier)
    frame.set_framework(replace(frame.framework, framework_id=None, earlier=earlier, user=None, checkpoint=None))
    frame.link.connection = Connection.DISCONNECTED
    frame.log("warning", f"Mesos removed {old}; going on as a new framework, with what is reserved under the old id")
    for key, record in sorted(frame.pods.items(), key=lambda item: item[0]):
        tasks = tuple(
            task if over(task) else replace(task, status=replace(task.status, state=TaskState.GONE))
            for task in record.tasks
        )
        left = tuple(replace(entry, ended=True, serving=False) for entry in record.superseded if entry.resource_id)
        for task in record.tasks:
            frame.calls.forget_kill(task.task_id)
            frame.calls.answered(task.task_id)
        for entry in record.superseded:
            frame.calls.forget_kill(entry.task_id)
            frame.calls.answered(entry.task_id)
        frame.put(replace(record, tasks=tasks, superseded=left, lost_at=None, failures=0, not_before=0.0))
        frame.dirty.add(key)
