"""When to try again: the one policy of connections, storage and HTTP clients, on tenacity.

Waits double from a first to a longest one, and a random share between half and all of each is taken: hundreds of
clients whose peer was lost must not come back in step. Decisions (back-off of launches, repeated calls) are values in
`sdk.plan.backoff` and do not come here.

Two forms, for two kinds of loops. `Policy.attempts` is for a piece of work that is tried until it is done; a
`Backoff` is for a loop with a life of its own, which asks how long to wait, waits as it likes (an event may wake it),
and says when it went well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import tenacity


class Backoff(Protocol):
    """What a loop that tries again needs."""

    def delay(self) -> float:
        """Seconds to wait before the next try; each call counts as one more failure in a row."""

    def reset(self) -> None:
        """It worked: the next failure is the first again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long to wait between tries, in seconds."""

    first: float = 0.1
    most: float = 5.0

    def backoff(self) -> Backoff:
        """For a loop of one's own."""
        return ExponentialBackoff(self.first, self.most)

    def attempts(
        self,
        *,
        on: type[Exception] | tuple[type[Exception], ...],
        pause: Callable[[float], None],
        alive: Callable[[], bool],
        failed: Callable[[BaseException, float], None],
    ) -> tenacity.Retrying:
        """`for attempt in policy.attempts(...): with attempt: work()` works until it is done.

        `on` is worth another try, anything else is raised at once. `pause` waits; `alive` tells after a failure whether
        to go on, if not the failure is raised; `failed` gets each failure and the seconds until the next try.
        """

        def told(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            if error is not None:
                failed(error, state.upcoming_sleep)

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(on),
            wait=waits(self.first, self.most),
            stop=lambda _state: not alive(),
            sleep=pause,
            before_sleep=told,
            reraise=True,
        )


class ExponentialBackoff:
    """See `Policy.backoff`."""

    def __init__(self, first: float = 0.25, most: float = 30.0, wait: tenacity.wait.wait_base | None = None) -> None:
        self._wait = wait or waits(first, most)
        self.reset()

    def delay(self) -> float:
        """Seconds to wait before the next try."""
        seconds = float(self._wait(self._state))
        self._state.prepare_for_next_attempt()
        return seconds

    def reset(self) -> None:
        """The next failure is the first again."""
        self._state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})


def waits(first: float, most: float) -> tenacity.wait.wait_base:
    """Half of the wait for sure, the other half at random."""
    half = {"multiplier": first / 2, "max": most / 2}
    return tenacity.wait_exponential(**half) + tenacity.wait_random_exponential(**half)
