"""Tasks that do not come up in time are ended, and that counts as any other failure."""

from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.state import PodKey
from sdk.plan.backoff import relaunch_delay
from sdk.plan.need import MustKill


def give_up(frame: Frame, key: PodKey, need: MustKill) -> None:
    """Note the failure of those that are late, once; they are about to be ended."""
    record, wish = frame.pods[key], frame.wish(key)
    late = [task for task in record.tasks if task.task_id in need.late and not task.ending]
    if wish is None or not late:
        return
    policy = wish.spec.recovery
    apart = {spec.name for spec in wish.spec.tasks if spec.apart}
    tasks = tuple(
        replace(
            task,
            failures=task.failures + 1,
            not_before=frame.now + relaunch_delay(policy, task.failures + 1),
        )
        if task in late and task.name in apart
        else task
        for task in record.tasks
    )
    record = replace(record, tasks=tasks, last_failure=need.message)
    if any(task.name not in apart for task in late):
        failures = record.failures + 1
        again = frame.now + relaunch_delay(policy, failures)
        record = replace(record, failures=failures, failed=True, not_before=again)
    frame.put(record)
    frame.log("warning", f"{record.name}: {need.message}; it is ended", service=key[0])
