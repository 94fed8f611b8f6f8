"""What the cluster has: the sums of all registered agents' scalars, and how much of them is reserved for whom.

Kept up to date agent by agent, so that an allocation that concerns one agent need not look at the others.
"""

from sdk.local.core.resources import Resources


class Capacity:
    """Thousandths by scalar name."""

    __slots__ = ("reserved", "total")

    def __init__(self) -> None:
        self.total: dict[str, int] = {}
        self.reserved: dict[str, dict[str, int]] = {}
        """By the role that it is reserved for; unreserved resources are not in it."""

    def change(self, old: Resources, new: Resources) -> None:
        """The resources of an agent changed; without old ones it is new, without new ones it is gone."""
        for resources, sign in ((old, -1), (new, 1)):
            for kind, value in resources.parts():
                if not isinstance(value, int):
                    continue
                self.total[kind.name] = self.total.get(kind.name, 0) + sign * value
                if kind.role != "*":
                    held = self.reserved.setdefault(kind.role, {})
                    held[kind.name] = held.get(kind.name, 0) + sign * value
        for role in [role for role, held in self.reserved.items() if not any(held.values())]:
            del self.reserved[role]
