"""How long to wait before the next try: pure arithmetic on failures and delays."""

from dataclasses import dataclass

from sdk.model.spec import RecoveryPolicy


def relaunch_delay(policy: RecoveryPolicy, failures: int) -> float:
    """Seconds until the next launch after `failures` failed runs in a row; 0 before the first failure."""
    if failures <= 0:
        return 0.0
    # Beyond this many doublings the cap holds for any sane factor, and the power would overflow.
    exponent = min(failures - 1, 64)
    return float(min(policy.backoff_max, policy.backoff_initial * policy.backoff_factor**exponent))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A call that is repeated until it is answered: when next, and how long to wait after that."""

    due: float
    delay: float
    tries: int = 0

    def after_try(self, now: float, limit: float) -> "Retry":
        """The retry after one more try at `now`: truncated exponential backoff."""
        return Retry(due=now + self.delay, delay=min(limit, self.delay * 2), tries=self.tries + 1)


_HAIR = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A rate limit: up to `size` at once, one more every `every` seconds."""

    tokens: float
    at: float
    size: float = 5.0
    every: float = 5.0

    def refilled(self, now: float) -> "Bucket":
        """The bucket at `now`."""
        gained = max(0.0, now - self.at) / self.every
        return Bucket(tokens=min(self.size, self.tokens + gained), at=now, size=self.size, every=self.every)

    def taken(self) -> "Bucket":
        """One token less; ask `ready` before."""
        return Bucket(tokens=max(0.0, self.tokens - 1), at=self.at, size=self.size, every=self.every)

    @property
    def ready(self) -> bool:
        """Whether there is a token, up to what floating point leaves out of one that was gained in parts."""
        return self.tokens >= 1 - _HAIR

    @property
    def ready_at(self) -> float:
        """When there will be one."""
        return self.at if self.ready else self.at + (1 - self.tokens) * self.every
