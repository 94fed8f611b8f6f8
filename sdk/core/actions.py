"""What an operator wants done with one instance."""

from dataclasses import replace

from sdk.core.events import PodActionRequested
from sdk.core.frame import Frame
from sdk.core.leftovers import abandoned
from sdk.model.spec import Goal
from sdk.plan.need import over


def act(frame: Frame, event: PodActionRequested) -> None:
    """Store it; what follows is decided as ever."""
    key = (event.service, event.pod)
    record = frame.pods.get(key)
    wish = frame.wish(key)
    if record is None or wish is None:
        frame.log("warning", f"{event.action} of {event.service}/{event.pod}: there is no such instance")
        return
    # An operator who asks again does not want to wait for what went wrong before.
    frame.troubles.release(event.service, frame.now)
    tasks = tuple(replace(task, failures=0, not_before=0.0, refusals=0, grace=event.grace) for task in record.tasks)
    fresh = replace(record, tasks=tasks, failures=0, not_before=0.0)
    match event.action:
        case "restart":
            frame.put(replace(fresh, restart=any(not over(task) for task in record.tasks)))
        case "replace":
            frame.put(fresh)
            for task in record.tasks:
                if not over(task):
                    frame.kill(task.task_id, task.agent_id)
            until = frame.now + frame.settings.avoid_after_replace
            frame.put(replace(abandoned(fresh, frame.now, replaced=True, avoid_until=until), restart=False))
        case "excuse":
            frame.put(replace(record, excused=True))
        case "pause" | "resume":
            kept_up = [spec.name for spec in wish.spec.tasks if spec.goal is Goal.RUNNING]
            chosen = {name for name in kept_up if not event.tasks or name in event.tasks}
            present = set(record.paused)
            paused = present | chosen if event.action == "pause" else present - chosen
            frame.put(replace(fresh, paused=tuple(name for name in kept_up if name in paused)))
        case _:
            known = "restart, replace, excuse, pause or resume is possible"
            frame.log("warning", f"{event.action!r} of {event.service}/{event.pod}: {known}")
            return
    frame.log("info", f"{event.service}/{event.pod}: {event.action} on request", service=event.service)
