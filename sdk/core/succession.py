"""The end of what an instance left running on purpose: when it has been ready at its new place for long enough."""

import math

from sdk.core.frame import Frame
from sdk.core.state import PodKey
from sdk.plan.wish import PodWish


def proven(frame: Frame, wish: PodWish, ready_since: float | None) -> bool:
    """Whether the instance will not be missed without its old task."""
    return ready_since is not None and ready_since + wish.spec.update.min_ready <= frame.now


def ends(frame: Frame, key: PodKey) -> float:
    """When an instance that runs twice has proved itself at its new place; infinity when that is not to be foreseen."""
    if key not in frame.index.twice.of(key[0]):
        return math.inf
    record, wish = frame.pods[key], frame.wish(key)
    if record.ready_since is None or wish is None:
        return math.inf
    return record.ready_since + wish.spec.update.min_ready
