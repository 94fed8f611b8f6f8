"""What a mesos-listener counts, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_FAST = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
#: The types of events that are counted by name; a master of a later release may have more.
_TYPES = frozenset(
    {
        "SUBSCRIBED",
        "HEARTBEAT",
        "TASK_ADDED",
        "TASK_UPDATED",
        "AGENT_ADDED",
        "AGENT_REMOVED",
        "FRAMEWORK_ADDED",
        "FRAMEWORK_UPDATED",
        "FRAMEWORK_REMOVED",
    }
)


class ListenerMetrics:
    """One object per listener."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter("edgelb_listener_events", "Events that Mesos sent", ("type",), registry=self.registry)
        self.index = Histogram(
            "edgelb_listener_index_seconds",
            "Time from reading the last byte of an event to the moment at which clients may have what it changes",
            buckets=_FAST,
            registry=self.registry,
        )
        self.snapshot_bytes = Gauge(
            "edgelb_listener_subscribed_bytes", "Size of the last snapshot that Mesos sent", registry=self.registry
        )
        self.readers = Gauge("edgelb_listener_readers", "Clients that follow the tasks", registry=self.registry)
        self.snapshots = Counter(
            "edgelb_listener_snapshots", "Times that a client was told all that it wants", registry=self.registry
        )
        self.resyncs = Counter(
            "edgelb_listener_resyncs",
            "Those of them for a client that was too slow, or away for too long",
            registry=self.registry,
        )
        self.checks = Counter(
            "edgelb_listener_checks", "Times that the tasks were compared with a snapshot", registry=self.registry
        )
        self.healed = Counter(
            "edgelb_listener_healed",
            "Tasks that were otherwise than events had told, and were corrected",
            registry=self.registry,
        )
        self.left_out = Counter(
            "edgelb_listener_left_out",
            "Messages of which something was not used: odd, unreadable, too_large, or tasks with notes",
            ("kind",),
            registry=self.registry,
        )

    def count_event(self, kind: str) -> None:
        """Count an event by its type."""
        self.events.labels(kind if kind in _TYPES else "other").inc()
