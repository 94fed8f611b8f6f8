"""Which instances of one pod type may be taken down or replaced now: rolling update and room for replacements."""

from collections.abc import Mapping

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


REPLACEMENTS_OF_A_POD = 1
"""At once, of one pod type: what is replaced has to prove itself first."""


def replacement_room(limit: int, under_way: int, of_the_pod: int) -> int:
    """How many more instances of one pod type may be replaced now.

    `limit`: replacements at once in the whole framework, so that a wide partition does not double the load of the
    agents that are left; `under_way` and `of_the_pod`: those launched and not ready yet, of all and of this pod type.
    """
    return max(0, min(limit - under_way, REPLACEMENTS_OF_A_POD - of_the_pod))
