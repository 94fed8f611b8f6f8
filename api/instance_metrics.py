"""Metrics of all pool instances, from what these say of themselves in ZooKeeper, read whenever they are asked for.

Agents need not be reached for them. Knows Prometheus' names; while ZooKeeper is away there are none.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from api.liveness import Liveness
from api.published import Published
from pool_executor.contract import BOUNDS, InstanceStatus
from sdk.errors import CorruptRecord, StorageUnavailable

_log = structlog.get_logger()

ACTIONS = ("noop", "dynamic", "reload", "reject")
_OF_ONE = ("pool", "instance")
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
        found = _Families()
        doubts = {doubt.component for doubt in self.liveness.doubts()}
        for component in _COMPONENTS:
            found.stale.add_metric([component], float(component in doubts))
        try:
            for pool in self.published.pools_with_instances():
                sequence = self._sequence(pool)
                # A killed executor and its successor are one instance for some seconds: the newer word counts.
                newest = {one.pod: one for one in sorted(self.published.instances(pool), key=lambda one: one.since)}
                for instance in newest.values():
                    found.add(pool, instance, sequence)
        except StorageUnavailable as error:
            _log.debug("Instances cannot be read for metrics", error=str(error))
        yield from found.all

    def _sequence(self, pool: str) -> tuple[str, int] | None:
        try:
            head = self.published.endpoints(pool)
        except CorruptRecord as error:
            _log.warning("The endpoints of a pool cannot be read", pool=pool, error=str(error))
            return None
        return (head.lineage, head.sequence) if head is not None else None


def families() -> list[Metric]:
    """All metrics, without values."""
    return _Families().all


class _Families:
    """The metrics, filled for one answer."""

    def __init__(self) -> None:
        self.stale = GaugeMetricFamily(
            "edgelb_tasks_stale",
            "1 while changes of tasks do not reach load balancers because of this component.",
            labels=["component"],
        )
        self._changes = CounterMetricFamily(
            "edgelb_instance_changes",
            "Structures and batches of servers, by what was done.",
            labels=[*_OF_ONE, "action"],
        )
        self._events = CounterMetricFamily(
            "edgelb_instance_events", "What happened at the instance.", labels=[*_OF_ONE, "event"]
        )
        self._healthy = GaugeMetricFamily("edgelb_instance_healthy", "1 while it serves.", labels=_OF_ONE)
        self._workers = GaugeMetricFamily(
            "edgelb_instance_old_workers", "HAProxy processes that outlive a reload.", labels=_OF_ONE
        )
        self._behind = GaugeMetricFamily(
            "edgelb_instance_operations_behind", "Published operations on servers that it has not done.", labels=_OF_ONE
        )
        self._refused = GaugeMetricFamily(
            "edgelb_instance_servers_refused", "Servers that HAProxy does not take.", labels=_OF_ONE
        )
        self._waiting = GaugeMetricFamily(
            "edgelb_instance_listeners_waiting", "Listeners that lack something.", labels=_OF_ONE
        )
        self._rejected = GaugeMetricFamily(
            "edgelb_instance_structure_rejected", "1 while HAProxy refuses the newest structure.", labels=_OF_ONE
        )
        self._certificates = GaugeMetricFamily(
            "edgelb_instance_certificate_not_after_seconds",
            "Until when a certificate that it serves is good, in epoch seconds.",
            labels=[*_OF_ONE, "file"],
        )
        self._troubled = GaugeMetricFamily(
            "edgelb_instance_certificates_troubled",
            "Certificates that it serves and that are not renewed as they should be.",
            labels=_OF_ONE,
        )
        self._latency = HistogramMetricFamily(
            "edgelb_instance_apply_seconds", "From the publishing of a head to HAProxy.", labels=[*_OF_ONE, "lane"]
        )

    @property
    def all(self) -> list[Metric]:
        return [
            self.stale,
            self._changes,
            self._events,
            self._healthy,
            self._workers,
            self._behind,
            self._refused,
            self._waiting,
            self._rejected,
            self._certificates,
            self._troubled,
            self._latency,
        ]

    def add(self, pool: str, instance: InstanceStatus, sequence: tuple[str, int] | None) -> None:
        """One instance; `sequence` is how far the log of its pool is."""
        one = [pool, instance.pod]
        for name, value in sorted(instance.counters.items()):
            family = self._changes if name in ACTIONS else self._events
            family.add_metric([*one, name], value)
        self._healthy.add_metric(one, float(instance.healthy))
        self._workers.add_metric(one, max(0, len(instance.haproxy.workers) - 1))
        if sequence is not None and sequence[0] == instance.endpoints.lineage:
            self._behind.add_metric(one, max(0, sequence[1] - instance.endpoints.sequence))
        self._refused.add_metric(one, instance.endpoints.left_out)
        self._waiting.add_metric(one, len(instance.structure.waiting))
        self._rejected.add_metric(one, float(instance.structure.verdict == "rejected"))
        self._troubled.add_metric(one, sum(certificate.trouble is not None for certificate in instance.certificates))
        for certificate in instance.certificates:
            if certificate.not_after is not None:
                self._certificates.add_metric([*one, certificate.file], certificate.not_after)
        for lane, latency in sorted(instance.latency.items()):
            bounds = [*map(str, BOUNDS), "+Inf"]
            buckets = list(zip(bounds, map(float, itertools.accumulate(latency.counts)), strict=True))
            self._latency.add_metric([*one, lane], buckets=buckets, sum_value=latency.total)
