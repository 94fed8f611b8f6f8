"""What lbmgr tells Prometheus of its instance, as text.

Imported when somebody asks for the first time: most instances are asked through the API server alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from pool_executor.lbmgr.status.observed import Observed
from pool_executor.status_metrics import StatusMetrics

PREFIX = "edgelb_lbmgr"


def text(observed: Observed) -> bytes:
    """In Prometheus' text format; its metrics have no name in common with those of HAProxy's exporter."""
    return generate_latest(_Answer(observed))


def families() -> list[Metric]:
    """All metrics, without values."""
    return [*StatusMetrics(PREFIX).all, *_Lbmgr().all]


class _Lbmgr:
    """What is known to nobody but lbmgr itself."""

    def __init__(self) -> None:
        self.info = GaugeMetricFamily(
            f"{PREFIX}_info", "1; which instance this is.", labels=["pool", "pod", "task", "haproxy"]
        )
        self.connected = GaugeMetricFamily(f"{PREFIX}_zookeeper_connected", "1 while ZooKeeper answers.")
        self.turn_age = GaugeMetricFamily(f"{PREFIX}_turn_age_seconds", "Time since the working loop came round.")

    @property
    def all(self) -> list[Metric]:
        return [self.info, self.connected, self.turn_age]


@dataclass(slots=True, eq=False)
class _Answer(Collector):
    observed: Observed

    def collect(self) -> Iterator[Metric]:
        """What there is at this moment."""
        observed, lbmgr, found = self.observed, _Lbmgr(), StatusMetrics(PREFIX)
        status = observed.status
        found.add([], status, observed.behind)
        lbmgr.info.add_metric([observed.pool, status.pod, status.task_id, status.haproxy.version], 1)
        lbmgr.connected.add_metric([], float(observed.connected))
        lbmgr.turn_age.add_metric([], observed.turn_age)
        yield from (*found.all, *lbmgr.all)
        yield from ProcessCollector(namespace=PREFIX, registry=None).collect()
