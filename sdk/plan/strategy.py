"""Which instances of one pod type may be taken down or replaced now: rolling update and replacement cap."""

from collections.abc import Mapping, Sequence

from sdk.model.spec import StrategyKind, UpdateStrategy
from sdk.plan.need import Outdated


def update_now(
    strategy: UpdateStrategy, outdated: Mapping[int, Outdated], unavailable: int, in_progress: int
) -> tuple[int, ...]:
    """Indexes of the outdated instances that may be ended now, lowest first.

    `outdated`: those not being ended yet. `unavailable`: instances that served before and do not now (those being
    updated are among them); `in_progress`: those that were taken down for the update and are not ready again.
    Instances that were never placed do not count: one that fits nowhere must not hold up the update that may be meant
    to help it.
    """
    allowed = 1 if strategy.kind is StrategyKind.SERIAL else max(1, strategy.max_unavailable)
    chosen: list[int] = []
    # Those of no use come first: taking them down costs nothing, so they need no room in `unavailable`.
    for index in sorted(index for index, need in outdated.items() if not need.ready):
        if in_progress + len(chosen) < allowed:
            chosen.append(index)
    down = unavailable
    for index in sorted(index for index, need in outdated.items() if need.ready):
        if down < allowed and in_progress + len(chosen) < allowed:
            chosen.append(index)
            down += 1
    return tuple(chosen)


REPLACEMENTS_AT_ONCE = 1
"""Per pod type. A wide partition must not replace everything at once: what is replaced has to prove itself first."""


def replace_now(overdue: Mapping[int, float], in_progress: int) -> tuple[int, ...]:
    """Indexes of the overdue instances that may be replaced now, the longest lost first.

    `overdue`: seconds since the loss by index; `in_progress`: replacements launched and not ready yet.
    """
    room = max(0, REPLACEMENTS_AT_ONCE - in_progress)
    order: Sequence[int] = sorted(overdue, key=lambda index: (-overdue[index], index))
    return tuple(order[:room])
