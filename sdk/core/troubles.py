"""What keeps single services and instances from being as they should be; the others go on."""

from dataclasses import dataclass, field

from immutables import Map

from sdk.core.maps import without
from sdk.core.slice import Slice
from sdk.core.stored import PodKey


@dataclass(kw_only=True)
class Troubles(Slice):
    """See the module."""

    invalid: Map[str, str] = field(default_factory=Map)
    """Services whose published spec was refused, each with the sentence why; their old target stays."""
    faults: Map[tuple[str, str], str] = field(default_factory=Map)
    """What fails by a defect, by service and part of the work: the sentence."""
    broken: Map[PodKey, str] = field(default_factory=Map)
    """Instances whose stored record cannot be read, and why. They are left as they are: what nobody knows of may be
    theirs, so while there are any, no unknown task is killed and no unknown reservation released."""
    targetless: Map[str, str] = field(default_factory=Map)
    """Services whose stored target cannot be read, and why. Their instances are left as they are until the plugin says
    what the service should be."""

    def refuse(self, service: str, why: str) -> None:
        """What it should be breaks rules."""
        self.invalid = self.invalid.set(service, why)

    def accept(self, service: str) -> None:
        """What it should be is known, be it nothing."""
        self.invalid = without(self.invalid, service)
        self.targetless = without(self.targetless, service)

    def has_broken(self, service: str) -> bool:
        """Whether an instance of it cannot be read."""
        return any(key[0] == service for key in self.broken)

    def forget(self, service: str) -> None:
        """The service is gone."""
        self.accept(service)
        for key in [key for key in self.faults if key[0] == service]:
            self.faults = self.faults.delete(key)
