"""All that the scheduler knows at one moment, by what it is.

`Stored` is the truth, and is all that is stored. `Index` is made from the records alone. The rest is what Mesos said
and which calls wait for an answer: after a restart it is rebuilt by subscribing and reconciling.

Nobody changes a state: `sdk.core.decide` makes a new one for each event, and shares what did not change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from immutables import Map

from sdk.core.agents import Agents
from sdk.core.calls import Calls
from sdk.core.connection import Connection, Link
from sdk.core.index import Index
from sdk.core.removal import Removal
from sdk.core.reservations import Reservations
from sdk.core.seen import Seen
from sdk.core.settings import Settings
from sdk.core.standing import Roles
from sdk.core.stored import PodKey, Stored, agent_of
from sdk.core.troubles import Troubles
from sdk.core.work import Work
from sdk.model.ids import AgentId, ConfigId
from sdk.model.leaving import Leaving
from sdk.model.plans import PlanRecord
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.spec import PodSpec, ServiceSpec
from sdk.model.status import AGENT_DRAINING
from sdk.model.versions import Versions
from sdk.plan.wish import Target, target

__all__ = ["Connection", "PodKey", "State", "agent_of"]


@dataclass(kw_only=True)
class State:
    """See the module."""

    settings: Settings
    stored: Stored
    index: Index = field(default_factory=Index)
    link: Link = field(default_factory=Link)
    calls: Calls = field(default_factory=Calls)
    roles: Roles = field(default_factory=Roles)
    reservations: Reservations = field(default_factory=Reservations)
    work: Work = field(default_factory=Work)
    agents: Agents = field(default_factory=Agents)
    troubles: Troubles = field(default_factory=Troubles)
    removal: Removal = field(default_factory=Removal)
    seen: Seen = field(default_factory=Seen)
    wake_at: float | None = None

    @staticmethod
    def initial(framework: FrameworkRecord, settings: Settings | None = None) -> "State":
        """A framework of which nothing is stored yet."""
        return State.restore(framework, {}, (), settings)

    @staticmethod
    def restore(
        framework: FrameworkRecord,
        targets: Mapping[str, ServiceSpec],
        pods: Iterable[PodRecord],
        settings: Settings | None = None,
        broken: Mapping[PodKey, str] | None = None,
        targetless: Mapping[str, str] | None = None,
        earlier: Mapping[tuple[str, ConfigId], PodSpec] | None = None,
        plans: Mapping[tuple[str, str], PlanRecord] | None = None,
        versions: Mapping[str, Versions] | None = None,
    ) -> "State":
        """The state after a start: stored records, nothing known about the cluster yet.

        `broken` and `targetless` tell what cannot be read, as in `Troubles`; `earlier`, `plans` and
        `versions` are as in `Stored`.
        """
        records: Map[PodKey, PodRecord] = Map({(pod.service, pod.name): pod for pod in pods})
        said: dict[str, Map[str, PlanRecord]] = {}
        for (service, plan), record in (plans or {}).items():
            said[service] = said.get(service, Map()).set(plan, record)
        wanted = {name: target(spec, said.get(name)) for name, spec in targets.items()}
        roles = Roles()
        for name, found in wanted.items():
            roles.set_target(name, None, found)
        return State(
            settings=settings or Settings(),
            stored=Stored(
                framework=framework,
                targets=Map(wanted),
                pods=records,
                earlier=Map(earlier or {}),
                plans=Map(said),
                versions=Map(versions or {}),
            ),
            index=Index.of(records.values()),
            roles=roles,
            agents=Agents(leaving=Map(_drained(records.values()))),
            troubles=Troubles(broken=Map(broken or {}), targetless=Map(targetless or {})),
        )

    @property
    def framework(self) -> FrameworkRecord:
        """The identity of the framework."""
        return self.stored.framework

    @property
    def targets(self) -> Map[str, Target]:
        """What services should be."""
        return self.stored.targets

    @property
    def pods(self) -> Map[PodKey, PodRecord]:
        """The record of each instance."""
        return self.stored.pods

    @property
    def connection(self) -> Connection:
        """Where we stand with the master."""
        return self.link.connection


def _drained(records: Iterable[PodRecord]) -> dict[AgentId, Leaving]:
    """Agents that drained away the last task of an instance: until they make offers again."""
    return {
        task.agent_id: Leaving(hostname=task.hostname)
        for record in records
        for task in record.tasks
        if task.status.reason == AGENT_DRAINING and task.agent_id == agent_of(record)
    }
