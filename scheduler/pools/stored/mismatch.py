"""Changes that are made under a condition, and whose object is in another state. Pure."""

from scheduler.pools.model import Revision


class VersionMismatch(Exception):
    """It is not in the state that the caller expected; the message says in which one it is."""


def mismatch(what: str, expected: str, now: Revision) -> VersionMismatch:
    """`what` has the revision `now`, and the tag `expected` was given."""
    uid, _, version = expected.rpartition("-")
    again = "read it again and repeat the change"
    if uid == now.uid and version.isdecimal():
        seen = f"it is at version {now.version}, not {version}"
        return VersionMismatch(f"{what} was changed by somebody else in between: {seen}; {again}")
    why = f"it was deleted and created again, or the tag is of another {what.partition(' ')[0]}"
    return VersionMismatch(f"the tag {expected[:80]} is not of {what} as it is ({now}): {why}; {again}")
