"""What the template process counts: how long changes take from place to place."""

import itertools
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Histogram

from pool_executor.contract import BOUNDS

#: The places of a change in their order, as stamps of a head name them.
_PLACES = ("event", "index", "taken", "selected", "published")


class TemplateMetrics:
    """Of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._hops = Histogram(
            "edgelb_template_hop_seconds",
            "From place to place, of the change of each head that was on its way for the longest time.",
            ["hop"],
            buckets=BOUNDS,
            registry=self.registry,
        )

    def written(self, stamps: Mapping[str, float]) -> None:
        """A head with these stamps is written. Clocks of two machines may differ: never less than nothing."""
        there = [place for place in _PLACES if place in stamps]
        for before, place in itertools.pairwise(there):
            self._hops.labels(f"{before}_to_{place}").observe(max(0.0, stamps[place] - stamps[before]))
