"""How an instance gets a new configuration that needs another task."""

from enum import StrEnum


class Relaunch(StrEnum):
    """Which of both comes first: the end of the old task, or the start of the new one."""

    AUTO = "AUTO"
    """AHEAD where clients have to ask for addresses or ports anyway, else IN_PLACE."""
    AHEAD = "AHEAD"
    """The new one is started first, on another agent or with other ports, where there is such a place."""
    IN_PLACE = "IN_PLACE"
    """The old one ends first; address and ports stay."""
