"""The end of what an instance left running on purpose: when it has been ready at its new place for long enough."""

from collections.abc import Iterator

from sdk.core.frame import Frame
from sdk.core.state import PodKey
from sdk.plan.wish import PodWish


def proven(frame: Frame, wish: PodWish, ready_since: float | None) -> bool:
    """Whether the instance will not be missed without its old task."""
    return ready_since is not None and ready_since + wish.spec.update.min_ready <= frame.now


def time_has_come(frame: Frame) -> None:
    """Look again at the instances that have proved themselves."""
    for key, due in _due(frame):
        if due <= frame.now:
            frame.dirty.add(key)


def next_end(frame: Frame) -> float | None:
    """When `time_has_come` has something to do next."""
    return min((due for _, due in _due(frame) if due > frame.now), default=None)


def _due(frame: Frame) -> Iterator[tuple[PodKey, float]]:
    for key in frame.twice:
        record, wish = frame.pods[key], frame.wish(key)
        if record.ready_since is not None and wish is not None:
            yield key, record.ready_since + wish.spec.update.min_ready
