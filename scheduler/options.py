"""What `options` of the framework in frameworks.json may hold for this plugin."""

from collections.abc import Mapping
from dataclasses import dataclass

from scheduler.pools.service import CLOSE_SPREAD, HARD_STOP_AFTER, KILL_GRACE, OLD_WORKERS
from sdk.codecs import from_json
from sdk.errors import CorruptRecord, InvalidSpec

_BOUNDS = {
    "kill_grace": (1.0, 3600.0),
    "old_workers": (0, 1000),
    # HAProxy counts in milliseconds up to 24 days.
    "hard_stop_after": (1.0, 20 * 86400.0),
    "close_spread": (0.0, 3600.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options with their defaults."""

    kill_grace: float = KILL_GRACE
    """Seconds in which a leaving instance drains: for a quarter of it, at most 5 s, health says no while connections
    are still taken, then open connections finish."""
    old_workers: int = OLD_WORKERS
    """HAProxy processes that may outlive a reload because they still have connections; each holds a whole
    configuration in memory. When there are more, the connections of the oldest are cut."""
    hard_stop_after: float = HARD_STOP_AFTER
    """Seconds after which such a process ends whatever it still serves."""
    close_spread: float = CLOSE_SPREAD
    """Seconds over which a reload closes idle connections; 0: each of them with its next response, which costs no
    request."""
    serve_haproxy: bool = False
    """Whether instances run the HAProxy of the scheduler's machine, which agents fetch, instead of the agent's own."""


def parse_options(given: Mapping[str, object]) -> Options:
    """The options; raises InvalidSpec with the field path."""
    known = Options.__dataclass_fields__
    for name in given:
        if name not in known:
            raise InvalidSpec(f"options.{name}", f"is not an option; there are {', '.join(known)}")
    try:
        options = from_json(Options, dict(given), "options")
    except CorruptRecord as error:
        raise InvalidSpec(error.path, str(error).partition(": ")[2]) from error
    for name, (least, most) in _BOUNDS.items():
        value = getattr(options, name)
        if not least <= value <= most:
            raise InvalidSpec(f"options.{name}", f"{value:g} must be from {least:g} to {most:g}")
    return options
