"""Which labels are worth remembering with what they say: those that many tasks have. Pure.

Whoever gives each task other long labels shall not fill the memory with them.
"""

from api.mesos_listener.task import Labels

_MOST_KNOWN = 2_000
"""Characters."""


def are_short(labels: Labels) -> bool:
    """Whether they are."""
    return sum(len(label) + len(text) for label, text in labels) <= _MOST_KNOWN
