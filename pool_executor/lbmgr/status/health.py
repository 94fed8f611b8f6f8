"""The health of a pool instance, as Mesos counts it for its own health checks. Pure.

With a custom executor Mesos runs no checks, so the executor asks HAProxy itself and follows the pool's numbers.
"""

import enum
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPolicy:
    """`grace`, `interval` and `timeout` in seconds; after `max_fail` failures in a row the task ends (0: never)."""

    grace: float = 30.0
    interval: float = 2.0
    max_fail: int = 3
    timeout: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the checks have shown; `started` is when the instance started, in monotonic seconds."""

    started: float
    answered: bool = False
    failures: int = 0
    next_check: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the last check succeeded."""
        return self.answered and self.failures == 0


class Consequence(enum.Enum):
    """What follows from one check."""

    NONE = "none"
    CHANGED = "changed"
    """The instance became healthy or unhealthy."""
    END = "end"
    """The allowed failures are used up: end the task."""


def observe(policy: HealthPolicy, health: Health, answered: bool, now: float) -> tuple[Health, Consequence]:
    """The health after a check at `now`; failures within the grace period before the first success do not count."""
    after = replace(health, next_check=now + policy.interval)
    if answered:
        after = replace(after, answered=True, failures=0)
        return after, Consequence.NONE if health.ok else Consequence.CHANGED
    if not health.answered and now < health.started + policy.grace:
        return after, Consequence.NONE
    after = replace(after, failures=health.failures + 1)
    if policy.max_fail and after.failures >= policy.max_fail:
        return after, Consequence.END
    return after, Consequence.CHANGED if health.ok else Consequence.NONE
