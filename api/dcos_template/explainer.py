"""When it is worked out why backends of a pool have no servers, and for how many of them.

The answer depends on all tasks of the cluster, so it costs more than anything else that is done for a pool, and it is
only for people: it is given for the first few backends, kept for a while, and takes a small share of the time in all,
however many pools there are. Does not know how the answer is found (explain.py).
"""

from collections.abc import Iterable, Mapping
from itertools import islice

from api.dcos_template.explain import why_no_servers
from api.dcos_template.problem import MOST_WRITTEN
from api.dcos_template.select import Selection
from api.dcos_template.touched import BackendKey
from sdk.clock import Clock

#: Seconds after which a reason is looked for again: tasks come and go, and no event says whom it concerns.
LOOK_AGAIN = 10.0
#: The longest time that is spent in a row, and how much longer the next one waits: a twentieth at most, in seconds.
_AT_ONCE, _SHARE = 0.05, 20
_LATER = "no task meets its conditions"


class Explainer:
    """One thread uses it."""

    def __init__(self, selection: Selection, clock: Clock) -> None:
        self._selection = selection
        self._clock = clock
        self._known: dict[str, tuple[object, dict[str, tuple[str, float]]]] = {}
        self._not_before = float("-inf")

    def explain(self, pool: str, version: object, backends: Iterable[str]) -> list[Mapping[str, object]]:
        """`backend` and `reason` for the first of these backends, which have no servers; `version` is the pool's."""
        empty = list(islice(backends, MOST_WRITTEN))
        known_version, before = self._known.pop(pool, (version, {}))
        if known_version != version:
            before = {}
        began = now = self._clock.monotonic()
        told: dict[str, tuple[str, float]] = {}
        for backend in empty:
            known = before.get(backend)
            due = known is None or began >= known[1] + LOOK_AGAIN
            if due and began >= self._not_before and now < began + _AT_ONCE:
                services = self._selection.asked(BackendKey(pool, backend))
                known = (why_no_servers(services, self._selection), began)
                now = self._clock.monotonic()
            if known is not None:
                told[backend] = known
        if told:
            self._known[pool] = (version, told)
        if now > began:
            self._not_before = now + (now - began) * _SHARE
        return [{"backend": one, "reason": told[one][0] if one in told else _LATER} for one in empty]
