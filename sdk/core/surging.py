"""Rolling updates that launch first and end afterwards: which outdated instances look for a place beside their own.

A place is another agent, or the same one where it has room and other ports. The old task goes on until the new one is
ready (`Superseded.serving`), so a configuration that never becomes ready takes nothing down. Where no place comes up in
time, the instance is updated in its own, as without a surge.
"""

from collections.abc import Mapping

from sdk.core.frame import Frame
from sdk.core.state import PodKey
from sdk.plan.need import MustPlace, Outdated
from sdk.plan.wish import PodWish


def look_for_places(frame: Frame, wish: PodWish, chosen: Mapping[PodKey, Outdated]) -> frozenset[PodKey]:
    """Those of the instances in turn that are not ended yet: they look for a place beside what runs of them, or wait
    until others that run twice do so no longer.
    """
    most = wish.spec.update.max_surge
    looking: set[PodKey] = set()
    waiting: set[PodKey] = set()
    for key, need in chosen.items():
        if not most or not need.ready:  # what is of no use needs no care
            continue
        if len(looking) + _under_way(frame, key) >= most:
            waiting.add(key)
            _wait(frame, key, need)
        elif _in_time(frame, key):
            looking.add(key)
            _look(frame, key, need)
    return frozenset(looking | waiting)


def _under_way(frame: Frame, key: PodKey) -> int:
    """How many of its kind run twice already."""
    pod = frame.pods[key].pod
    return sum(frame.pods[other].pod == pod for other in frame.index.twice.of(key[0]))


def _in_time(frame: Frame, key: PodKey) -> bool:
    due = frame.ask(key) + frame.settings.surge_patience
    if due > frame.now:
        frame.work.update_by(key[0], due)
    return due > frame.now


def _wait(frame: Frame, key: PodKey, need: Outdated) -> None:
    frame.stop_asking(key)
    frame.set_need(key, need)


def _look(frame: Frame, key: PodKey, need: Outdated) -> None:
    if isinstance(frame.work.needs[key], MustPlace):
        return
    record = frame.pods[key]
    host = record.tasks[0].hostname if record.tasks else "its agent"
    message = f"runs on {host} with its old configuration; looks for a place to launch the next one beside it"
    frame.set_need(key, MustPlace(elsewhere=True, message=message, instead=need, ahead=True))
