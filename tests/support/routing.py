"""Where a request has to go: the plain definition, as tests ask for it."""

from collections.abc import Sequence

from scheduler.pools.model import MapRule
from scheduler.pools.routing import Target, first_match


def reference(rules: Sequence[MapRule], host: str, path: str, headers: Sequence[tuple[str, str]] = ()) -> str | None:
    """The backend of the first rule whose conditions all hold; None when there is none."""
    found = first_match(rules, Target.of(host, path, headers))
    return found.backend if found else None
