"""How far the uninstall of the framework is, and what removals had to leave behind on agents that are away."""

from dataclasses import dataclass, field

from immutables import Map

from sdk.core.maps import without
from sdk.core.slice import Slice
from sdk.model.ids import ResourceId


@dataclass(kw_only=True)
class Removal(Slice):
    """See the module."""

    final_since: float | None = None
    """When the last look of an uninstall began."""
    teardown_due: float | None = None
    """When TEARDOWN is to be sent (again); None before everything is gone."""
    uninstalled: bool = False
    listed: Map[ResourceId, str] = field(default_factory=Map)
    """Reservations of ours that the master showed when it was asked last, with the host that has each."""
    list_due: float = 0.0
    """When it is asked next."""
    notes: Map[str, str] = field(default_factory=Map)
    """What had to be left behind on lost agents since the start and has not been seen again: sentence by the id of the
    task or reservation."""

    def leave(self, name: str, sentence: str) -> None:
        """Something cannot be reached and is not waited for any longer."""
        self.notes = self.notes.set(name, sentence)

    def found(self, name: str) -> None:
        """It was seen again."""
        self.notes = without(self.notes, name)

    def sentences(self) -> list[str]:
        """All notes, in the order of their sentences."""
        return sorted(self.notes.values())
