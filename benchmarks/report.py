"""The common form of every benchmark: figures, bars with their limits, a table or one JSON object, `--check`.

A bar whose `value` is None could not be shown by this run; its `ok` is null and it never fails a check.
"""

import argparse
import json
import os
import signal
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from api.cli import logs
from benchmarks import rest

LOAD = os.getloadavg()[0]
"""Of the machine before the run: what others do there is in every time that is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One promise: `value` must not exceed `limit`."""

    name: str
    value: float | None
    limit: float

    @property
    def ok(self) -> bool | None:
        """Whether the promise is kept; None when this run cannot tell."""
        return None if self.value is None else self.value <= self.limit


@dataclass(slots=True, kw_only=True)
class Report:
    """What one run found."""

    name: str
    figures: dict[str, float | int | str] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)

    def finish(self, options: argparse.Namespace) -> int:
        """Print in the chosen form; the exit status."""
        self.figures["load of the machine before"] = LOAD
        if options.json:
            bars = [{"name": b.name, "value": b.value, "limit": b.limit, "ok": b.ok} for b in self.bars]
            print(json.dumps({"name": self.name, "figures": self.figures, "bars": bars}))
        else:
            width = max(len(name) for name in [*self.figures, *(bar.name for bar in self.bars)])
            print(self.name)
            for name, value in self.figures.items():
                print(f"  {name:<{width}}  {value:.2f}" if isinstance(value, float) else f"  {name:<{width}}  {value}")
            for bar in self.bars:
                verdict = {True: "ok", False: "NOT MET", None: "not shown by this run"}[bar.ok]
                value = "-" if bar.value is None else f"{bar.value:.2f}"
                print(f"  {bar.name:<{width}}  {value}  limit {bar.limit:g}  {verdict}")
        return 1 if options.check and any(bar.ok is False for bar in self.bars) else 0


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark takes."""
    made = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    made.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    made.add_argument("--check", action="store_true", help="exit with 1 when a bar is not met")
    made.add_argument("--quick", action="store_true", help="a smaller size that finishes within three minutes")
    made.add_argument(
        "--rest",
        type=rest.use,
        metavar="SHARE",
        help="of the time to rest before what is measured; below 1 figures lie",
    )
    return made


def stoppable() -> None:
    """Let SIGTERM end the run as Ctrl-C does, so that all that it started is stopped; stdout is the report's alone."""
    logs.configure("error", "text")

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def progress(text: str) -> None:
    """One line on stderr for the one who waits."""
    print(text, file=sys.stderr, flush=True)
