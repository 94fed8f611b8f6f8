"""What the template counts, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from api.dcos_template.publishing.trace import Stamps

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_HOPS = (
    ("event", "index"),
    ("index", "taken"),
    ("taken", "selected"),
    ("selected", "published"),
    ("published", "stored"),
)


class TemplateMetrics:
    """One object per process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._hops = Histogram(
            "edgelb_template_hop_seconds",
            "Time that a change of a task took to this hop from the one before: event (read from Mesos), index (of the"
            " listener), taken and selected (here), published, stored (in ZooKeeper)",
            ("hop",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        # What each change counts is looked up once.
        self._of_hop = {hop: self._hops.labels(hop) for _, hop in _HOPS}
        self._published = Counter(
            "edgelb_template_published",
            "Heads that were written, by lane: endpoints or structure",
            ("lane",),
            registry=self.registry,
        )
        self._operations = Counter(
            "edgelb_template_operations",
            "Operations on servers that were written, by kind: put or remove",
            ("kind",),
            registry=self.registry,
        )
        self._published_endpoints = self._published.labels("endpoints")
        self._put, self._removed = self._operations.labels("put"), self._operations.labels("remove")
        self._failed = Counter(
            "edgelb_template_failed",
            "Heads that could not be rendered or written, and what else failed for one pool or task, by lane",
            ("lane",),
            registry=self.registry,
        )
        self._rendered = Histogram(
            "edgelb_template_render_seconds",
            "Time from asking for the structure of a pool to its texts",
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self.pools = Gauge("edgelb_template_pools", "Pools that are known", registry=self.registry)
        self.pools_refused = Gauge(
            "edgelb_template_pools_refused", "Pools whose present version cannot be rendered", registry=self.registry
        )
        self.pools_holding = Gauge(
            "edgelb_template_pools_holding",
            "Pools that keep servers although Mesos does not name their tasks any more",
            registry=self.registry,
        )
        self.tasks = Gauge("edgelb_template_tasks", "Running tasks that are known", registry=self.registry)

    def wrote_endpoints(self, added: int, removed: int, stamps: Stamps, published: float, stored: float) -> None:
        """A head of endpoints stands in ZooKeeper."""
        self._published_endpoints.inc()
        self._put.inc(added)
        self._removed.inc(removed)
        told = {**stamps.told(), "published": published, "stored": stored}
        for first, second in _HOPS:
            # Clocks of several machines: what went backwards took no time.
            if first in told and second in told:
                self._of_hop[second].observe(max(0.0, told[second] - told[first]))

    def wrote_structure(self) -> None:
        """A head of a structure stands in ZooKeeper."""
        self._published.labels("structure").inc()

    def rendered(self, seconds: float) -> None:
        """The texts of a pool are there."""
        self._rendered.observe(seconds)

    def failed(self, lane: str) -> None:
        """A head could not be rendered or written."""
        self._failed.labels(lane).inc()
