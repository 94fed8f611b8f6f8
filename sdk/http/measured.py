"""Gauges that are made when somebody asks for the metrics: from what frameworks are at that moment."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from sdk.core.snapshot import ServiceView, Snapshot
from sdk.metrics import Metrics
from sdk.plan.progress import Progress
from sdk.plan.steps import StepView
from sdk.runner import Runner

KINDS = 20
"""Reasons that are told apart, of each framework."""
_NUMBERS = re.compile(r"[0-9]+(?:[.-][0-9]+)*")


def measure(runners: Sequence[Runner], metrics: Metrics) -> None:
    """Set the gauges of all frameworks anew."""
    for gauge in (metrics.services, metrics.plans, metrics.pending, metrics.refusals):
        gauge.clear()
    for runner in runners:
        metrics.quarantined.labels(runner.name).set(len(runner.status().quarantined))
        _measure(runner.name, runner.snapshot(), metrics)


def _measure(framework: str, snapshot: Snapshot | None, metrics: Metrics) -> None:
    services: Sequence[ServiceView] = () if snapshot is None else tuple(snapshot.services.values())
    for status in Progress:
        metrics.services.labels(framework, status).set(sum(view.status is status for view in services))
    plans = Counter((plan.name, plan.status) for view in services for plan in view.plans)
    for (name, status), count in plans.items():
        metrics.plans.labels(framework, name, status).set(count)
    waiting = [step for view in services for step in _steps(view) if step.status is Progress.PREPARED]
    metrics.pending.labels(framework).set(len(waiting))
    for reason, count in _reasons(waiting):
        metrics.refusals.labels(framework, reason).set(count)


def _steps(view: ServiceView) -> Iterable[StepView]:
    return (step for plan in view.plans for phase in plan.phases for step in phase.steps)


def _reasons(waiting: Iterable[StepView]) -> list[tuple[str, int]]:
    """How often the last offers were refused, by reason; numbers in a reason would make a series of each."""
    counts: Counter[str] = Counter()
    for step in waiting:
        for refusals in step.refusals:
            counts[_NUMBERS.sub("N", refusals.reason)] += refusals.count
    return counts.most_common(KINDS)
