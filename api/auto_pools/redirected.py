"""Whose requests the redirects of a claim would take: they are looked at before all rules. Pure."""

from collections.abc import Iterator

from api.auto_pools.app_claim import AppClaim
from api.auto_pools.claim import Claim
from api.auto_pools.demand import Conditions, RuleKey, conditions_of
from api.auto_pools.holders import Holders
from scheduler.pools.model.redirect import Redirect


def taken_from(claim: AppClaim, holders: Holders) -> Iterator[tuple[RuleKey, AppClaim]]:
    """Rules that others hold, and who does: without the redirects they would decide, and not the claim's own rules."""
    for redirect in claim.claim.redirects:
        for key in holders.at_host(claim.port, redirect.host_eq):
            other = next(iter(holders.of(key)))
            redirects_itself = any(_takes(other.claim, own, key.conditions) for own in other.claim.redirects)
            if other.app != claim.app and not redirects_itself and _takes(claim.claim, redirect, key.conditions):
                yield key, other


def _takes(claim: Claim, redirect: Redirect, conditions: Conditions) -> bool:
    if not redirect.path_eq:
        return conditions.path_beg.startswith(redirect.path_beg)
    # What it takes of a less specific rule goes to its own rule in any case.
    own = [
        len(one.path_beg)
        for rule in claim.rules
        for one in conditions_of(rule)
        if one.host == redirect.host_eq and redirect.path_eq.startswith(one.path_beg)
    ]
    return redirect.path_eq.startswith(conditions.path_beg) and len(conditions.path_beg) > max(own, default=0)
