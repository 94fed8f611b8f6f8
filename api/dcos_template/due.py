"""The kinds of things that can be due for a pool, and in which order they are done. Pure."""

from enum import IntEnum


class What(IntEnum):
    """What can be due for a pool; what comes first here is done first."""

    SERVERS = 0
    LOAD = 1
    STRUCTURE = 2
    REMOVE = 3
    COMPACT = 4
    REPORT = 5
    RETIRED = 6
    COLLECT = 7
    SWEEP = 8
    """Of no pool: the name is empty."""
