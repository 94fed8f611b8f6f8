"""What is stored, and nothing else: the framework's identity, what services should be, and a record per instance.

The truth that all else is rebuilt from. It is changed by a frame only, together with the effect that stores the change.
"""

from dataclasses import dataclass, field

from immutables import Map

from sdk.core.slice import Slice
from sdk.model.ids import AgentId, ConfigId
from sdk.model.plans import PlanRecord
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.spec import PodSpec
from sdk.model.versions import Versions
from sdk.plan.wish import PodWish, Target, kept

PodKey = tuple[str, str]
"""Service and instance name (`<pod>-<index>`)."""


@dataclass(kw_only=True)
class Stored(Slice):
    """See the module."""

    framework: FrameworkRecord
    targets: Map[str, Target] = field(default_factory=Map)
    pods: Map[PodKey, PodRecord] = field(default_factory=Map)

    earlier: Map[tuple[str, ConfigId], PodSpec] = field(default_factory=Map)
    """Configurations that instances keep until a rolling update gets to them, by service and fingerprint."""
    plans: Map[str, Map[str, PlanRecord]] = field(default_factory=Map)
    """What operators have said about plans, by service and plan."""
    versions: Map[str, Versions] = field(default_factory=Map)
    """By service: configurations that were wanted before, and those that an operator went back to."""

    def newest(self, key: PodKey) -> PodWish | None:
        """What the target says that the instance should be; None when it is to be removed."""
        target = self.targets.get(key[0])
        record = self.pods.get(key)
        if target is None or record is None or self.framework.uninstalling:
            return None
        return target.wish(record.pod, record.index)

    def wish(self, key: PodKey) -> PodWish | None:
        """What the instance should be for now; None when it is to be removed."""
        newest = self.newest(key)
        config = None if newest is None else self.pods[key].earlier
        spec = None if config is None else self.earlier.get((key[0], config))
        return newest if newest is None or config is None or spec is None else kept(spec, config, newest.spec)


def agent_of(record: PodRecord) -> AgentId | None:
    """Where an instance is, or was last."""
    if record.holding is not None:
        return record.holding.agent_id
    return record.tasks[0].agent_id if record.tasks else None
