"""How an instance leaves: first its health says no, then its listeners close, at the end connections are cut. Pure.

serving --asked--> notice --finish_at--> finishing --cut_at--> over
"""

import enum
from dataclasses import dataclass

# Of the kill grace: how long health says no before the listeners close, and what is left for ending by force.
_NOTICE_SHARE, _NOTICE_MAX = 0.25, 5.0
FORCE_MARGIN = 0.5


class Phase(enum.Enum):
    """Where an instance stands."""

    SERVING = "serving"
    NOTICE = "notice"
    """Health answers 503 while connections are still taken, so that those who ask for health go elsewhere first."""
    FINISHING = "finishing"
    """The listeners are closed; open connections finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """When the listeners close, and when connections are cut; in monotonic seconds."""

    finish_at: float
    cut_at: float


def ask(before: Leaving | None, now: float, deadline: float) -> Leaving:
    """The times after somebody asked to be gone by `deadline`; who asks again can only make it sooner."""
    notice = min(max(0.0, deadline - now) * _NOTICE_SHARE, _NOTICE_MAX)
    asked = Leaving(finish_at=now + notice, cut_at=deadline - FORCE_MARGIN)
    if before is None:
        return asked
    return Leaving(finish_at=min(before.finish_at, asked.finish_at), cut_at=min(before.cut_at, asked.cut_at))
