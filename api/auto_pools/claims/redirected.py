"""Whose requests the redirects of a claim would take: they are looked at before all rules. Pure."""

from collections.abc import Iterator

from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import Conditions, RuleKey, conditions_of
from api.auto_pools.claims.holders import Holders
from api.auto_pools.claims.host_rules import HostRules
from scheduler.pools.model.redirect import Redirect


def taken_from(claim: AppClaim, holders: Holders) -> Iterator[tuple[RuleKey, AppClaim]]:
    """Rules that others hold, and who does: without the redirects they would decide, and not the claim's own rules."""
    for redirect in claim.claim.redirects:
        for key in _taken(claim, redirect, holders.hosts):
            other = next(iter(holders.of(key)))
            if other.app != claim.app and not _redirects(other, key.conditions):
                yield key, other


def _taken(claim: AppClaim, redirect: Redirect, hosts: HostRules) -> Iterator[RuleKey]:
    if not redirect.path_eq:
        yield from hosts.below(claim.port, redirect.host_eq, redirect.path_beg)
        return
    # What it takes of a less specific rule goes to its own rule in any case.
    own = [
        len(one.path_beg)
        for rule in claim.claim.rules
        for one in conditions_of(rule)
        if one.host == redirect.host_eq and redirect.path_eq.startswith(one.path_beg)
    ]
    for key in hosts.around(claim.port, redirect.host_eq, redirect.path_eq):
        if len(key.conditions.path_beg) > max(own, default=0):
            yield key


def _redirects(claim: AppClaim, conditions: Conditions) -> bool:
    """Whether its holder redirects all of a rule himself."""
    return any(
        one.host_eq == conditions.host and not one.path_eq and conditions.path_beg.startswith(one.path_beg)
        for one in claim.claim.redirects
    )
