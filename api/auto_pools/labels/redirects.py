"""Which clients an application may send elsewhere: its own ones. Pure.

A frontend is shared, and its redirects are looked at before its rules. So an application's redirects are bound to the
hosts and paths of its own rules.
"""

from collections.abc import Sequence

from scheduler.pools.model import MapRule
from scheduler.pools.model.redirect import Redirect, RedirectToHttps

_HTTPS = 443


def to_https(asked: RedirectToHttps, rules: Sequence[MapRule]) -> tuple[Redirect, ...]:
    """The same for the hosts of the rules alone; nothing when they do not say whole hosts and beginnings of paths."""
    if asked.except_ or not all(_is_place(rule) for rule in rules):
        return ()
    port = "" if asked.port == _HTTPS else f":{asked.port}"
    return tuple(
        Redirect(
            location=f"https://{host}{port}",
            host_eq=host,
            path_beg="" if rule.path_beg == "/" else rule.path_beg,
            keep_path=True,
            code=asked.code,
        )
        for rule in rules
        for host in rule.hosts
    )


def foreign(redirects: Sequence[Redirect], rules: Sequence[MapRule]) -> Redirect | None:
    """The first redirect of requests that no rule is for."""
    return next((one for one in redirects if not any(_covers(rule, one) for rule in rules)), None)


def _covers(rule: MapRule, redirect: Redirect) -> bool:
    """Whether all that is redirected would come to the rule."""
    if rule.is_tried or redirect.host_eq not in rule.hosts:
        return False
    return (redirect.path_eq or redirect.path_beg or "/").startswith(rule.path_beg)


def _is_place(rule: MapRule) -> bool:
    """Whether clients can be sent to the same place at another port."""
    return bool(rule.hosts) and not rule.is_tried and not any("*" in host or ":" in host for host in rule.hosts)
