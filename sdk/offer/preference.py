"""Which of the agents that an instance may run on is taken: the order in which pools are looked at. Forbids nothing."""

import math
from collections.abc import Sequence

from sdk.model.placement import OWN, Preference, PreferenceKind
from sdk.offer.pool import Pool
from sdk.offer.rules import Neighbours


def score(
    preferences: Sequence[Preference], pool: Pool, prereserved: str | None, neighbours: Neighbours
) -> tuple[float, ...]:
    """How far a pool is from what is preferred: the lowest is the best, and the first preference counts most."""
    found: list[float] = []
    for preference in preferences:
        match preference.kind:
            case PreferenceKind.SPREAD:
                value = pool.place.field(preference.field)
                found.append(math.inf if value is None else neighbours.of(OWN).count(preference.field, value))
            case PreferenceKind.PACK:
                sources = pool.sources(prereserved)
                left = {} if sources is None else sources.scalars
                found += (left.get("cpus", 0), left.get("mem", 0))
    return tuple(found)
