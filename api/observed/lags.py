"""How far an instance is behind with the servers, and for how long at least.

An instance says up to which operation of the log HAProxy has its servers. Since when it lacks the next one nobody
writes down; so whoever looks remembers what it lacked when it was first seen behind.
"""

import threading
from collections import OrderedDict
from typing import NamedTuple

from api.observed.rendered import Lag
from pool_executor.contract import Endpoints, EndpointsStatus
from sdk.clock import Clock

#: Instances of which is remembered what they lacked.
_MOST_INSTANCES = 4096


class _Missed(NamedTuple):
    lineage: str
    sequence: int
    since: float


class Lags:
    """Thread-safe; bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._missed: OrderedDict[str, _Missed] = OrderedDict()

    def of(self, task_id: str, has: EndpointsStatus, head: Endpoints) -> Lag | None:
        """How far it is behind the head; None when it is not."""
        same = has.lineage == head.lineage
        if same and has.sequence >= head.sequence:
            with self._lock:
                self._missed.pop(task_id, None)
            return None
        now = self._clock.monotonic()
        with self._lock:
            missed = self._missed.get(task_id)
            if missed is None or missed.lineage != head.lineage or (same and has.sequence >= missed.sequence):
                missed = _Missed(head.lineage, head.sequence, now)
            self._missed[task_id] = missed
            self._missed.move_to_end(task_id)
            while len(self._missed) > _MOST_INSTANCES:
                self._missed.popitem(last=False)
        # The last operation is among those that it lacks, and the head says when that was written.
        written = self._clock.now() - head.stamps.get("published", self._clock.now())
        return Lag(head.sequence - has.sequence if same else None, max(0.0, written, now - missed.since))
