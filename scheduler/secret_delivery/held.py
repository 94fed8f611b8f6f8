"""What is known of one secret. A value only."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The last value that could be read, and what is wrong."""

    value: bytes | None = field(default=None, repr=False)
    trouble: str | None = None
    """Why there is none, or why the value may not be the newest."""
