"""A user of the API and what he may change. Knows neither how he proves who he is nor which routes there are. Pure."""

import fnmatch
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user is for, from the least to the most."""

    READER = "reader"
    """Sees everything, changes nothing."""
    OPERATOR = "operator"
    """Changes those pools, too, whose names fit his patterns."""
    ADMIN = "admin"
    """Changes everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One of those whom the API knows."""

    name: str
    role: Role
    pools: tuple[str, ...] = ()
    """Patterns of an operator; `*` stands for any characters, or none."""

    def may_change(self, pool: str) -> bool:
        """Whether that pool is his to create, change and delete."""
        if self.role is Role.OPERATOR:
            return any(fits(pattern, pool) for pattern in self.pools)
        return self.role is Role.ADMIN


EVERYBODY = User(name="", role=Role.ADMIN)
"""Who asks where users are not told apart."""


def fits(pattern: str, pool: str) -> bool:
    """Whether the name of a pool is one that the pattern means."""
    # Takes a time that grows with the length of the name, which may be as long as any URL, and no faster than that.
    return fnmatch.fnmatchcase(pool, pattern)
