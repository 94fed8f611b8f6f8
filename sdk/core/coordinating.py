"""What is done with the instances of one service after some of them were looked at: ended, put in line, forgotten."""

from collections.abc import Iterable

from sdk.core import replacing, widening
from sdk.core.configurations import delete_service, drop_target
from sdk.core.frame import Frame
from sdk.core.giving_up import give_up
from sdk.core.ordering import hold_back
from sdk.core.planning import end_runs, forget_outdated, forget_service
from sdk.core.releasing import learn
from sdk.core.reservation_life import Word
from sdk.core.state import PodKey
from sdk.core.updating import update
from sdk.model.ids import ResourceId
from sdk.plan.need import LacksPorts, MustDelete, MustKill, MustPlace, Need, Outdated


def coordinate(frame: Frame, service: str, keys: Iterable[PodKey]) -> None:
    """Act on what the instances `keys` need, and on who is in line now."""
    keys = hold_back(frame, service, keys)
    # Highest index first: what is removed by a scale-down goes in the order in which it came.
    for key in sorted((key for key in keys if key in frame.pods), key=lambda key: (-frame.pods[key].index, key)):
        record = frame.pods[key]
        match frame.work.need(key):
            case MustKill(tasks=tasks) as must:
                give_up(frame, key, must)
                agent = {task.task_id: task.agent_id for task in record.tasks}
                for task_id in tasks:
                    frame.kill(task_id, agent.get(task_id))
            case MustDelete(left=left):
                for each in left:
                    frame.log("warning", f"{service}/{record.name} removed: {each.sentence}", service=service)
                    if each.reserved:
                        learn(frame, ResourceId(each.id), Word.AGENT_SILENT)
                    frame.removal.leave(each.id, f"{service}/{record.name}: {each.sentence}")
                frame.remove(key)
                if service in frame.stored.plans:
                    forget_outdated(frame, service)
    if service in frame.stored.plans:
        end_runs(frame, service)
    queued = frame.work.queued.of(service)
    kinds = {(frame.pods[key].pod, _in_line_as(frame.work.needs[key])) for key in queued}
    if service in frame.targets:
        behind = {frame.pods[key].pod for key in frame.index.behind.of(service)}
        kinds |= {(pod, Outdated) for pod in behind.intersection(frame.targets[service].pods)}
    for pod, kind in sorted(kinds, key=lambda found: (found[0], found[1].__name__)):
        if kind is Outdated:
            update(frame, service, pod)
        elif kind is LacksPorts:
            widening.take_turns(frame, service, pod)
        else:
            replacing.take_turns(frame, service, pod)
    troubles = frame.troubles
    targetless = service in troubles.targetless and not frame.framework.uninstalling
    unwanted = service not in frame.targets or frame.framework.uninstalling
    before = frame.before
    known = service in before.targets or service in before.index.services or service in before.troubles.targetless
    there = service in frame.index.services or troubles.has_broken(service)
    if unwanted and known and not targetless and not there:
        drop_target(frame, service)
        delete_service(frame, service)
        forget_service(frame, service)


def _in_line_as(need: Need) -> type:
    return type(need.instead if isinstance(need, MustPlace) else need)
