"""What `options` of the framework in frameworks.json may hold for this plugin."""

from collections.abc import Mapping
from dataclasses import dataclass

from scheduler.pools.service import KILL_GRACE
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.storage.codecs import from_json

_SHORTEST, _LONGEST = 1.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options with their defaults."""

    kill_grace: float = KILL_GRACE
    """Seconds in which a leaving instance drains: for a quarter of it, at most 5 s, health says no while connections
    are still taken, then open connections finish."""


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
    if not _SHORTEST <= options.kill_grace <= _LONGEST:
        raise InvalidSpec("options.kill_grace", f"{options.kill_grace:g} must be from {_SHORTEST:g} to {_LONGEST:g}")
    return options
