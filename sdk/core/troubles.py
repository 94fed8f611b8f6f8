"""What keeps single services from being as they are wished; the others go on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from immutables import Map

from sdk.core.maps import without
from sdk.core.slice import Slice


@dataclass(kw_only=True)
class Troubles(Slice):
    """See the module."""

    invalid: Map[str, str] = field(default_factory=Map)
    """Services whose published spec was refused, each with the sentence why; their old target stays."""
    faults: Map[tuple[str, str], str] = field(default_factory=Map)
    """What fails by a defect, by service and part of the work: the sentence."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Services whose stored nodes cannot be read, and why. They are left as they are: what nobody knows of may be
    theirs, so while there are any, no unknown task is killed and no unknown reservation released."""

    def forget(self, service: str) -> None:
        """The service is gone."""
        self.invalid = without(self.invalid, service)
        for key in [key for key in self.faults if key[0] == service]:
            self.faults = self.faults.delete(key)
