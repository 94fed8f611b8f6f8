"""What instances need, who of them waits for what, and when each is looked at again.

Follows from the records, the targets and what Mesos said last: after a restart it is found anew.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from immutables import Map

from sdk.core.agenda import Agenda
from sdk.core.maps import Groups, without
from sdk.core.slice import Slice
from sdk.core.stored import PodKey
from sdk.model.ids import AgentId
from sdk.plan.need import (
    Held,
    LacksPorts,
    LacksTasks,
    MustPlace,
    MustRelease,
    Need,
    Outdated,
    Overdue,
    Rest,
    Stopped,
)
from sdk.plan.progress import Progress

_REST = Rest()


@dataclass(kw_only=True)
class Work(Slice):
    """See the module."""

    needs: Map[PodKey, Need] = field(default_factory=Map)
    """Of instances that are not at rest."""
    unrest: Groups[str, PodKey] = field(default_factory=Groups)
    """The same by service, but for those that serve and lack optional ports, or tasks that they can do without."""
    queued: Groups[str, PodKey] = field(default_factory=Groups)
    """Instances by service that wait for their turn: outdated ones, those that lack optional ports, those whose agent
    is lost for too long."""
    held: Groups[str, PodKey] = field(default_factory=Groups)
    """Instances by service that their plan does not let do yet what they need."""
    placing: Map[PodKey, None] = field(default_factory=Map)
    """Instances that wait for offers, to be launched or released."""
    stopped: Map[PodKey, None] = field(default_factory=Map)
    """Instances that cannot be as they are wished, or not all of it, until somebody does something about it."""
    again: Agenda[PodKey] = field(default_factory=Agenda)
    """Instances by the time at which they are looked at again, whatever happens."""
    updates: Agenda[str] = field(default_factory=Agenda)
    """Services by the time at which their rolling update is looked at again: an instance has to prove itself until
    then, or is waited for."""
    waiting_since: Map[PodKey, float] = field(default_factory=Map)
    """Since when an instance waits for its reservation without a word from the agent, or for its removal."""
    asking: Map[PodKey, float] = field(default_factory=Map)
    """Instances whose turn it is to be updated, as soon as their agent makes an offer; since when it is waited for."""
    alone: Map[PodKey, None] = field(default_factory=Map)
    """Instances to be launched in an ACCEPT of their own: one that they shared was refused."""
    refusals: Map[PodKey, Mapping[AgentId, tuple[str, ...]]] = field(default_factory=Map)
    """Why the last offers of each agent did not fit a waiting instance."""
    offers_seen: int = 0
    """Offers in the last batch."""
    down: Map[PodKey, None] = field(default_factory=Map)
    """Instances that were ready once, are wanted, and are not ready now."""
    room_for_others: tuple[bool, bool] = (True, True)
    """Whether the budget had room for replacements, and to end instances, when those that are in line were looked at
    last."""

    def need(self, key: PodKey) -> Need:
        """What an instance needs."""
        return self.needs.get(key, _REST)

    def set_need(self, key: PodKey, need: Need) -> None:
        """Remember what an instance needs."""
        if self.need(key) == need:
            return
        service = key[0]
        in_line = isinstance(need, Outdated | Overdue | LacksPorts)
        in_line = in_line or (isinstance(need, MustPlace) and need.instead is not None)
        self.queued = self.queued.add(service, key) if in_line else self.queued.discard(service, key)
        held = isinstance(need, Held)
        self.held = self.held.add(service, key) if held else self.held.discard(service, key)
        waits = isinstance(need, MustPlace | MustRelease) or (isinstance(need, LacksTasks) and bool(need.tasks))
        self.placing = self.placing.set(key, None) if waits else without(self.placing, key)
        stuck = isinstance(need, Stopped) or (isinstance(need, LacksTasks) and need.status is Progress.ERROR)
        self.stopped = self.stopped.set(key, None) if stuck else without(self.stopped, key)
        if isinstance(need, Rest):
            self.needs = without(self.needs, key)
        else:
            self.needs = self.needs.set(key, need)
        serves = isinstance(need, Rest | LacksPorts) or (isinstance(need, LacksTasks) and need.serves)
        self.unrest = self.unrest.discard(service, key) if serves else self.unrest.add(service, key)

    def update_by(self, service: str, due: float) -> None:
        """Look at the rolling update of a service at `due`, or before."""
        self.updates = self.updates.put(service, min(due, self.updates.get(service) or math.inf))

    def forget(self, key: PodKey) -> None:
        """The instance is gone."""
        self.set_need(key, _REST)
        self.again = self.again.drop(key)
        self.down = without(self.down, key)
        self.waiting_since = without(self.waiting_since, key)
        self.asking = without(self.asking, key)
        self.alone = without(self.alone, key)
        self.refusals = without(self.refusals, key)

    def forget_service(self, service: str) -> None:
        """No instance of it is left."""
        self.unrest = self.unrest.drop(service)
        self.updates = self.updates.drop(service)
