"""When it is worked out why backends of a pool have no servers, and for how many of them.

The answer depends on all tasks of the cluster, so it costs more than anything else that is done for a pool, and it is
only for people: it is given for the first few backends, kept for a while, and takes a small share of the time in all,
however many pools there are. What nobody has heard yet comes before what may have changed, so that every pool gets its
turn. Does not know how the answer is found (explain.py).
"""

from collections.abc import Iterable, Mapping
from itertools import islice

from api.dcos_template.publishing.problem import MOST_WRITTEN
from api.dcos_template.selecting.asking import asked
from api.dcos_template.selecting.explain import why_no_servers
from api.dcos_template.selecting.selection import Selection
from api.dcos_template.selecting.touched import BackendKey
from sdk.clock import Clock

#: Seconds after which a reason is looked for again: tasks come and go, and no event says whom it concerns.
LOOK_AGAIN = 10.0
#: Seconds that may be spent in a row, and the share of the time in all.
_AT_ONCE, _SHARE = 0.05, 0.02
#: Pools that wait for a reason are looked at again so many seconds apart, or looking at them would take the time.
_APART = 0.01
_LATER = "the reason is still being looked for"


class Explainer:
    """One thread uses it."""

    def __init__(self, selection: Selection, clock: Clock) -> None:
        self._selection = selection
        self._clock = clock
        self._known: dict[str, tuple[object, dict[str, tuple[str, float]]]] = {}
        # Pools that have backends without servers, and those of them of which nothing is known yet.
        self._concerned: set[str] = set()
        self._waiting: set[str] = set()
        self._left, self._counted = _AT_ONCE, clock.monotonic()

    def explain(self, pool: str, version: object, backends: Iterable[str]) -> list[Mapping[str, object]]:
        """`backend` and `reason` for the first of these backends, which have no servers; `version` is the pool's."""
        empty = list(islice(backends, MOST_WRITTEN))
        known_version, before = self._known.pop(pool, (version, {}))
        if known_version != version:
            before = {}
        now = self._budget()
        self._waiting.discard(pool)
        told: dict[str, tuple[str, float]] = {}
        for backend in empty:
            known = before.get(backend)
            due = known is None or (now >= known[1] + LOOK_AGAIN and not self._waiting)
            if due and self._left > 0:
                known = (why_no_servers(asked(self._selection, BackendKey(pool, backend)), self._selection.tasks), now)
                self._left -= self._clock.monotonic() - now
                now = self._budget()
            if known is not None:
                told[backend] = known
        # Where servers come and go nobody looks with each of them.
        fresh = {one: known for one, known in before.items() if one not in told and now < known[1] + LOOK_AGAIN}
        if told or fresh:
            self._known[pool] = (version, fresh | told)
        self._concerned.discard(pool)
        if told:
            self._concerned.add(pool)
        if len(told) < len(empty):
            self._waiting.add(pool)
        return [{"backend": one, "reason": told[one][0] if one in told else _LATER} for one in empty]

    def look_again(self, pool: str) -> float | None:
        """In how many seconds the reasons of a pool may be others; None when it has no backend without servers."""
        if pool in self._waiting:
            return max(-self._left / _SHARE, len(self._waiting) * _APART)
        return LOOK_AGAIN if pool in self._concerned else None

    def forget(self, pool: str) -> None:
        """Know nothing of a pool that is gone."""
        self._known.pop(pool, None)
        self._waiting.discard(pool)
        self._concerned.discard(pool)

    def _budget(self) -> float:
        """Count what time adds to what may be spent; the time now."""
        now = self._clock.monotonic()
        self._left = min(self._left + (now - self._counted) * _SHARE, _AT_ONCE)
        self._counted = now
        return now
