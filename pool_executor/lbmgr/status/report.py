"""The status of an instance: put together from what others know, told when it has changed, at most ten times a second.

Does not know ZooKeeper or Mesos.
"""

import enum
import time
from collections.abc import Callable
from dataclasses import replace

from pool_executor.contract import (
    EndpointsStatus,
    InstanceStatus,
    RefusedServer,
    StructureStatus,
    encode_status,
)
from pool_executor.lbmgr.certificates.serving import Certificates
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.life import Life
from pool_executor.lbmgr.nodes import Nodes
from pool_executor.lbmgr.servers.keeper import Keeper
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.reader import Reader
from pool_executor.lbmgr.settings import Settings
from pool_executor.lbmgr.status.condition import Condition
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.status.observed import Observed
from pool_executor.lbmgr.structure.apply import Applier
from pool_executor.lbmgr.structure.follow import Follower

# At most so often; where HAProxy has more servers than before and nothing else is new, that can wait a little: each
# report is a write to ZooKeeper, of every instance of every pool in which tasks come and go.
_EACH, _EACH_POSITION = 0.1, 0.5
_MOST_REFUSED = 20


class News(enum.Enum):
    """What a status has that the last one had not."""

    NONE = enum.auto()
    POSITION = enum.auto()
    """HAProxy has more of the log of servers than before, and nothing else is otherwise."""
    OTHER = enum.auto()


class Report:
    """Of one instance. Used by lbmgr's thread only, but for `observed`."""

    def __init__(
        self,
        settings: Settings,
        *,
        applier: Applier,
        proxy: Proxy,
        lane: Lane,
        reader: Reader,
        follower: Follower,
        condition: Condition,
        life: Life,
        keeper: Keeper,
        certificates: Certificates,
        counters: Counters,
        on_status: Callable[[InstanceStatus], None],
    ) -> None:
        self._settings = settings
        self._applier = applier
        self._proxy = proxy
        self._lane = lane
        self._reader = reader
        self._follower = follower
        self._condition = condition
        self._life = life
        self._keeper = keeper
        self._certificates = certificates
        self._counters = counters
        self._on_status = on_status
        self._nodes: Nodes | None = None
        self._shown: InstanceStatus | None = None
        self._latest: InstanceStatus | None = None
        self._told_at = self._looked_at = 0.0
        self._held_back = False

    def attach(self, nodes: Nodes) -> None:
        """Tell it there from now on."""
        self._nodes = nodes
        if self._shown is not None:
            nodes.publish(encode_status(self._shown))

    def tell(self, now: float) -> None:
        """Tell what is news, if the last news are old enough."""
        self._held_back, self._looked_at = False, now
        if now < self._told_at + _EACH:
            self._held_back = True
            return
        status = self._latest = self._status()
        shown = self._shown
        if shown is not None:
            if _same_structure(status.structure, shown.structure):
                status = replace(status, since=shown.since)
            news = news_in(status, shown)
            if news is News.NONE or (news is News.POSITION and now < self._told_at + _EACH_POSITION):
                return
        self._shown, self._told_at = status, now
        if self._nodes is not None:
            self._nodes.publish(encode_status(status))
        self._on_status(status)

    def pause(self, most: float) -> float:
        """How long nothing is to be told, in seconds."""
        if not self._held_back:
            return most
        return min(most, max(0.001, self._told_at + _EACH - time.monotonic()))

    def observed(self) -> Observed | None:
        """The instance now, for any thread; None before the first status."""
        status, nodes = self._latest, self._nodes
        if status is None:
            return None
        return Observed(
            pool=self._settings.pool,
            status=replace(status, counters=self._counters.snapshot(), latency=self._counters.latency()),
            behind=self._reader.behind,
            connected=nodes is not None and nodes.connected,
            turn_age=max(0.0, time.monotonic() - self._looked_at),
        )

    def _status(self) -> InstanceStatus:
        settings, life, running = self._settings, self._life, self._applier.running
        return InstanceStatus(
            task_id=settings.task_id,
            pod=settings.pod,
            hostname=settings.hostname,
            addresses=settings.addresses,
            public=settings.public,
            ports=settings.ports,
            structure=self._structure(),
            endpoints=self._endpoints(),
            healthy=life.healthy and running is not None,
            trouble=life.trouble or self._applier.stored.unsaved or self._keeper.trouble,
            since=time.time(),
            haproxy=self._proxy.info,
            counters=self._counters.snapshot(),
            leaving=life.leaving,
            short=self._condition.short,
            deaths=life.deaths,
            latency=self._counters.latency(),
            certificates=self._certificates.status(running.content if running is not None else None),
        )

    def _structure(self) -> StructureStatus:
        outcome, running = self._follower.outcome, self._applier.running
        head = running.head if running is not None else None
        return StructureStatus(
            pool_uid=head.pool_uid if head is not None else "",
            pool_version=head.pool_version if head is not None else 0,
            epoch=head.epoch if head is not None else 0,
            version=head.version if head is not None else 0,
            verdict=outcome.verdict,
            action=outcome.action,
            reason="leaving: connections finish" if self._life.leaving else outcome.reason,
            error=self._follower.error,
            rejected_version=self._follower.rejected,
            waiting=self._follower.waiting,
            stamps=self._follower.stamps,
        )

    def _endpoints(self) -> EndpointsStatus:
        told = self._lane.told()
        refused = sorted(told.refused.items())
        return EndpointsStatus(
            lineage=told.position.lineage,
            sequence=told.position.sequence,
            refused=tuple(
                RefusedServer(backend=ref.backend, server=ref.name, task=one.server.task, reason=one.reason)
                for ref, one in refused[:_MOST_REFUSED]
            ),
            left_out=len(refused),
            error=self._reader.error or self._follower.servers_error,
            stamps=told.stamps,
            recent=told.recent,
        )


def news_in(status: InstanceStatus, shown: InstanceStatus) -> News:
    """What is otherwise than it was shown last."""
    # Counters alone, and how long changes took, are no news: they ride along with the next one.
    counted = replace(status, counters=shown.counters, latency=shown.latency)
    if counted == shown:
        return News.NONE
    moved = replace(counted, endpoints=_at(counted.endpoints, shown.endpoints))
    return News.POSITION if moved == shown else News.OTHER


def _at(status: EndpointsStatus, other: EndpointsStatus) -> EndpointsStatus:
    """The same at the position of the other: the last steps change with it."""
    return replace(status, sequence=other.sequence, stamps=other.stamps, recent=other.recent)


def _same_structure(one: StructureStatus, other: StructureStatus) -> bool:
    return (one.verdict, one.epoch, one.version) == (other.verdict, other.epoch, other.version)
