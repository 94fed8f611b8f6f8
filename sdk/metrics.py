"""Counters and gauges of the frameworks in one process, in a registry of their own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics:
    """What runners count; every series carries the framework's name. One object per process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "sdk_events", "Events that were decided on", ("framework", "type"), registry=self.registry
        )
        self.calls = Counter("sdk_calls", "Calls that Mesos took", ("framework", "type"), registry=self.registry)
        self.call_failures = Counter(
            "sdk_call_failures", "Calls that could not be delivered", ("framework", "type"), registry=self.registry
        )
        self.skipped = Counter(
            "sdk_events_skipped", "Events given up because deciding or storing failed", ("framework",),
            registry=self.registry,
        )  # fmt: skip
        self.decide = Histogram(
            "sdk_decide_seconds", "Time to decide one batch of events", ("framework",), buckets=_FAST,
            registry=self.registry,
        )  # fmt: skip
        self.store = Histogram(
            "sdk_store_seconds", "Time to store one batch of effects", ("framework",), buckets=_FAST,
            registry=self.registry,
        )  # fmt: skip
        self.leader = Gauge("sdk_leader", "1 while this process is in charge", ("framework",), registry=self.registry)
        self.subscribed = Gauge(
            "sdk_subscribed", "1 while Mesos has our subscription", ("framework",), registry=self.registry
        )
        self.queue = Gauge("sdk_queue_length", "Events that wait", ("framework",), registry=self.registry)
        self.quarantined = Gauge(
            "sdk_quarantined_services", "Services left alone because something in them fails", ("framework",),
            registry=self.registry,
        )  # fmt: skip
        self.services = Gauge("sdk_services", "Services by status", ("framework", "status"), registry=self.registry)
        self.plans = Gauge(
            "sdk_plans", "Plans of services by status", ("framework", "plan", "status"), registry=self.registry
        )
        self.pending = Gauge(
            "sdk_pending_instances", "Instances that wait for offers", ("framework",), registry=self.registry
        )
        self.refusals = Gauge(
            "sdk_refusals", "Last offers that do not fit an instance which waits, by reason", ("framework", "reason"),
            registry=self.registry,
        )  # fmt: skip
        self.offers = Counter("sdk_offers", "Offers that came", ("framework",), registry=self.registry)
        self.accepted = Counter("sdk_offers_accepted", "Offers that were used", ("framework",), registry=self.registry)
        self.declined = Counter(
            "sdk_offers_declined", "Offers that were given back", ("framework",), registry=self.registry
        )
        self.succeeded = Gauge(
            "sdk_last_success_seconds", "When something went well last, in epoch seconds", ("framework", "what"),
            registry=self.registry,
        )  # fmt: skip
