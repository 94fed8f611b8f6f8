"""In which order things stand in a generated pool: the same whoever came first. Pure."""

from typing import Any

from api.auto_pools.claims.demand import Conditions
from scheduler.pools.model.redirect import Redirect

Place = tuple[Any, ...]
"""Compared with others of its kind only."""


def of_rule(conditions: Conditions, weight: int) -> Place:
    """Whole hosts, ends of hosts and patterns of hosts come before all hosts, for each the rule of most weight first;
    then what asks for more comes first.

    Of paths these are, one after the other, the longer beginning, a pattern, the longer end; then headers, cookies and
    the port of the host.
    """
    host, host_reg, path_beg, path_end, path_reg, *asked = conditions
    if host.startswith("*"):
        kind, specific = 1, -len(host)
    else:
        kind, specific = (0 if host else 2 if host_reg else 3), 0
    name, _, port = host.partition(":")
    return (
        *(kind, specific, name, not host_reg, host_reg, -weight),
        *(-len(path_beg), path_beg, not path_reg, path_reg, -len(path_end), path_end),
        *((-len(ones), repr(ones)) for ones in asked),
        *(not port, port),
    )


def of_redirect(redirect: Redirect) -> Place:
    """As rules: a whole path first, then the longer beginning."""
    host = redirect.host_eq
    return (
        *(not host, host.startswith("*"), -len(host) if host.startswith("*") else 0, host),
        *(not redirect.path_eq, redirect.path_eq, -len(redirect.path_beg), redirect.path_beg),
    )
