"""Prometheus' view of what an instance says of itself: for the API server, which tells of all, and for each itself.

Knows names and meanings of metrics. Does not know where the status comes from, nor who asks.
"""

import itertools
from collections.abc import Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from pool_executor.contract import BOUNDS, InstanceStatus

ACTIONS = ("noop", "dynamic", "reload", "reject")


class StatusMetrics:
    """The metrics of one answer: `prefix` begins their names, `labels` tell one instance from the others."""

    def __init__(self, prefix: str, labels: Sequence[str] = ()) -> None:
        self._changes = CounterMetricFamily(
            f"{prefix}_changes", "Structures and batches of servers, by what was done.", labels=[*labels, "action"]
        )
        self._events = CounterMetricFamily(
            f"{prefix}_events", "What happened at the instance.", labels=[*labels, "event"]
        )
        self._healthy = GaugeMetricFamily(f"{prefix}_healthy", "1 while it serves.", labels=labels)
        self._workers = GaugeMetricFamily(
            f"{prefix}_old_workers", "HAProxy processes that outlive a reload.", labels=labels
        )
        self._behind = GaugeMetricFamily(
            f"{prefix}_operations_behind", "Published operations on servers that it has not done.", labels=labels
        )
        self._refused = GaugeMetricFamily(
            f"{prefix}_servers_refused", "Servers that HAProxy does not take.", labels=labels
        )
        self._waiting = GaugeMetricFamily(
            f"{prefix}_listeners_waiting", "Listeners that lack something.", labels=labels
        )
        self._rejected = GaugeMetricFamily(
            f"{prefix}_structure_rejected", "1 while HAProxy refuses the newest structure.", labels=labels
        )
        self._certificates = GaugeMetricFamily(
            f"{prefix}_certificate_not_after_seconds",
            "Until when a certificate that it serves is good, in epoch seconds.",
            labels=[*labels, "file"],
        )
        self._troubled = GaugeMetricFamily(
            f"{prefix}_certificates_troubled",
            "Certificates that it serves and that are not renewed as they should be.",
            labels=labels,
        )
        self._published = GaugeMetricFamily(
            f"{prefix}_published_seconds",
            "When the head that HAProxy serves was published, in epoch seconds.",
            labels=[*labels, "lane"],
        )
        self._latency = HistogramMetricFamily(
            f"{prefix}_apply_seconds", "From the publishing of a head to HAProxy.", labels=[*labels, "lane"]
        )

    @property
    def all(self) -> list[Metric]:
        """All of them, with what was added."""
        return [
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
            self._published,
            self._latency,
        ]

    def add(self, one: Sequence[str], status: InstanceStatus, behind: int | None) -> None:
        """An instance with these labels; `behind` is how many operations it has not done, None: that is not known."""
        for name, value in sorted(status.counters.items()):
            family = self._changes if name in ACTIONS else self._events
            family.add_metric([*one, name], value)
        self._healthy.add_metric(one, float(status.healthy))
        self._workers.add_metric(one, max(0, len(status.haproxy.workers) - 1))
        if behind is not None:
            self._behind.add_metric(one, behind)
        self._refused.add_metric(one, status.endpoints.left_out)
        self._waiting.add_metric(one, len(status.structure.waiting))
        self._rejected.add_metric(one, float(status.structure.verdict == "rejected"))
        self._troubled.add_metric(one, sum(certificate.trouble is not None for certificate in status.certificates))
        for certificate in status.certificates:
            if certificate.not_after is not None:
                self._certificates.add_metric([*one, certificate.file], certificate.not_after)
        for lane, stamps in (("structure", status.structure.stamps), ("endpoints", status.endpoints.stamps)):
            if "published" in stamps:
                self._published.add_metric([*one, lane], stamps["published"])
        for lane, latency in sorted(status.latency.items()):
            bounds = [*map(str, BOUNDS), "+Inf"]
            buckets = list(zip(bounds, map(float, itertools.accumulate(latency.counts)), strict=True))
            self._latency.add_metric([*one, lane], buckets=buckets, sum_value=latency.total)
