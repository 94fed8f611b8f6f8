"""Metrics of all pool instances, from what these say of themselves in ZooKeeper, read whenever they are asked for.

Agents need not be reached for them. Knows Prometheus' names; while ZooKeeper is away there are none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.observed.liveness import Liveness
from api.observed.published import Published
from pool_executor.contract import InstanceStatus
from pool_executor.status_metrics import StatusMetrics
from sdk.errors import CorruptRecord, StorageUnavailable

_log = structlog.get_logger()

_COMPONENTS = ("template", "listener", "mesos")


@dataclass(slots=True, eq=False)
class InstanceMetrics(Collector):
    """Of one API server."""

    published: Published
    liveness: Liveness

    def describe(self) -> Iterable[Metric]:
        """What there is at any time; nothing is read for it."""
        return families()

    def collect(self) -> Iterator[Metric]:
        """What there is now."""
        stale, found = _stale(), _of_instances()
        doubts = {doubt.component for doubt in self.liveness.doubts()}
        for component in _COMPONENTS:
            stale.add_metric([component], float(component in doubts))
        try:
            for pool in self.published.pools_with_instances():
                sequence = self._sequence(pool)
                # A killed executor and its successor are one instance for some seconds: the newer word counts.
                newest = {one.pod: one for one in sorted(self.published.instances(pool), key=lambda one: one.since)}
                for instance in newest.values():
                    found.add([pool, instance.pod], instance, _behind(instance, sequence))
        except StorageUnavailable as error:
            _log.debug("Instances cannot be read for metrics", error=str(error))
        yield from (stale, *found.all)

    def _sequence(self, pool: str) -> tuple[str, int] | None:
        try:
            head = self.published.endpoints(pool)
        except CorruptRecord as error:
            _log.warning("The endpoints of a pool cannot be read", pool=pool, error=str(error))
            return None
        return (head.lineage, head.sequence) if head is not None else None


def families() -> list[Metric]:
    """All metrics, without values."""
    return [_stale(), *_of_instances().all]


def _of_instances() -> StatusMetrics:
    return StatusMetrics("edgelb_instance", ("pool", "instance"))


def _stale() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "edgelb_tasks_stale",
        "1 while changes of tasks do not reach load balancers because of this component.",
        labels=["component"],
    )


def _behind(instance: InstanceStatus, sequence: tuple[str, int] | None) -> int | None:
    """How many operations of a log that is so far the instance has not done."""
    if sequence is None or sequence[0] != instance.endpoints.lineage:
        return None
    return max(0, sequence[1] - instance.endpoints.sequence)
