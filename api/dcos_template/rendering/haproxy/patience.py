"""How long a backend waits for its servers, and what it sends again."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from api.dcos_template.rendering.haproxy.grammar import require
from scheduler.pools.model import Method, Retries, RetryOn, Timeouts

_Word = TypeVar("_Word", RetryOn, Method)
_MOST_MS = 2**31 - 1
_MOST_RETRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Of the backend at `path`, where it differs from that of all backends."""

    path: str = ""
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Retries = field(default_factory=Retries)

    def __post_init__(self) -> None:
        for name, seconds in self._seconds:
            rule = f"is {seconds}; it must be between 1 ms and {_MOST_MS} ms"
            require(
                0 < seconds * 1000 <= _MOST_MS and round(seconds * 1000) >= 1, f"{self.path}: timeouts.{name}", rule
            )
        count = self.retries.count
        require(0 <= count <= _MOST_RETRIES, f"{self.path}: retries.count", f"is {count}; at most {_MOST_RETRIES}")

    @property
    def _seconds(self) -> list[tuple[str, float]]:
        return [(name, getattr(self.timeouts, name)) for name in ("connect", "server", "queue", "tunnel", "check")]

    @property
    def waits(self) -> list[tuple[str, str]]:
        """Names of timeouts with their times."""
        usual = Timeouts()
        return [(name, _time(seconds)) for name, seconds in self._seconds if seconds != getattr(usual, name)]

    @property
    def count(self) -> int | None:
        """How often something is tried again; None: as often as everywhere."""
        return self.retries.count if self.retries.count != Retries().count else None

    @property
    def on(self) -> str | None:
        """On what a request is sent again; None: as everywhere."""
        found = _sorted(self.retries.on, RetryOn)
        return None if found == _sorted(Retries().on, RetryOn) else " ".join(found) or "none"

    @property
    def condition(self) -> str:
        """Of which requests none is sent twice."""
        methods = _sorted(self.retries.methods, Method)
        if methods == [Method.GET, Method.HEAD]:
            return "if !METH_GET"
        return f"if !{{ method {' '.join(methods)} }}" if methods else "if TRUE"


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _sorted(given: Collection[_Word], known: Iterable[_Word]) -> list[_Word]:
    """Each once, in the order in which they are known."""
    return [one for one in known if one in given]
