"""Requests for a claim's hosts and paths that go to somebody else, who holds a longer path there. Pure."""

from collections.abc import Iterator
from itertools import islice

from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import Conditions, RuleKey
from api.auto_pools.claims.holders import Holders

_MOST_LOOKED_AT = 100


def goes_elsewhere(claim: AppClaim, holders: Holders) -> Iterator[tuple[Conditions, AppClaim]]:
    """What is asked for, and who holds it; not all, where there are very many."""
    for demand in claim.demands:
        key = demand.key
        if not isinstance(key, RuleKey) or not key.conditions.host:
            continue
        for other in islice(
            holders.hosts.below(key.port, key.conditions.host, key.conditions.path_beg), _MOST_LOOKED_AT
        ):
            if holders.value(other) == claim.group:
                continue
            holder = next((one for one in holders.of(other) if one.app != claim.app), None)
            if holder is not None:
                yield other.conditions, holder
