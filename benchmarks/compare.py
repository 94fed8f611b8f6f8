"""Prints the table of docs/reference/peer-comparison.md from the results of benchmarks, beside marathon-lb's.

    .venv/bin/python -m benchmarks.compare results/event_to_traffic.json results/zero_drop.json ...

`python -m benchmarks.suite` measures all of them and makes this table.

What a result does not have is a dash. Figures of marathon-lb were measured once, on the machine and in the way that the
page tells.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Found = Mapping[str, float]
"""Figures and bars of all results by the name of the benchmark and their own: `churn/lag p50 (ms)`."""

SIZES = (1000, 10_000, 50_000)
LARGE = " at {size:,} servers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: what, marathon-lb's figure, and ours as far as it was found."""

    what: str
    theirs: str
    ours: Callable[[Found], float | None]
    unit: str = ""


def one(name: str, scale: float = 1.0) -> Callable[[Found], float | None]:
    """That figure or bar, times `scale`."""
    return lambda found: found[name] * scale if name in found else None


def total(*names: str, scale: float = 1.0) -> Callable[[Found], float | None]:
    """The sum of these, once all are there."""
    return lambda found: sum(found[name] for name in names) * scale if all(name in found for name in names) else None


def rows() -> list[Row]:
    """All lines, in order."""
    found: list[Row] = []
    for size, change, cpu, cold, memory, structure in (
        (1000, "370", "140", "0.66", "57", "0.38"),
        (10_000, "1,930", "1,520", "2.14", "90", "1.8"),
        (50_000, "8,120", "5,870", "7.48", "203", "-"),
    ):
        at, servers, tasks = LARGE.format(size=size), f"event_to_traffic/{size:,} servers", f"snapshot/{size:,} tasks"
        found += [
            Row(what=f"task replaced, event to answer{at}", theirs=change, unit="ms",
                ours=one(f"{servers}: server replaced, p50")),
            Row(what=f"CPU for each change{at}", theirs=cpu, unit="ms",
                ours=one(f"{servers}: CPU of all three per change")),
            Row(what=f"change of structure{at}", theirs=structure, unit="s",
                ours=one(f"{servers}: change of structure (s)")),
            Row(what=f"all processes started to first answer{at}", theirs=cold, unit="s",
                ours=one(f"{tasks}: cold start to the first correct answer (s)")),
            Row(what=f"memory of the controller, without HAProxy{at}", theirs=memory, unit="MB",
                ours=total(*(f"{tasks}: memory of {name} (MB)" for name in ("listener", "template", "lbmgr")))),
        ]  # fmt: skip
    for size, how, figures in (
        (1000, "old one has 1 s", {"keep-alive": "0.118"}),
        (1000, "killed with the event", {"keep-alive": "0.373", "blind": "3.932", "close": "0.050"}),
        (10_000, "old one has 1 s", {"keep-alive": "17.2"}),
        (10_000, "killed with the event", {"keep-alive": "43.8", "blind": "41.6", "close": "37.4"}),
    ):
        for kind, theirs in figures.items():
            what = f"50 replacements, {how}, {kind}"
            found.append(
                Row(
                    what=f"failed requests, {what}{LARGE.format(size=size)}",
                    theirs=theirs,
                    unit="%",
                    ours=failed(f"{size:,} servers", what),
                )
            )
    found += [
        Row(what="200 changes at once, last one live (1,000 and 10,000 servers; Edge-LB: 50,000)", theirs="0.47, 3.45",
            unit="s", ours=one("churn/200 that start at once, until the last one is live (s)")),
        Row(what="another one's change beside one that HAProxy refuses (100 apps)", theirs="21,500", unit="ms",
            ours=one("pools/beside a pool that HAProxy refuses: p50 (ms)")),
        Row(what="CPU of HAProxy for each request, 100 hosts", theirs="34", unit="us",
            ours=one("data_plane/100 hosts: CPU of HAProxy per request (us)")),
        Row(what="CPU of HAProxy for each request, 5,000 hosts", theirs="2,026", unit="us",
            ours=one("data_plane/5,000 hosts: CPU of HAProxy per request (us)")),
    ]  # fmt: skip
    return found


def failed(servers: str, what: str) -> Callable[[Found], float | None]:
    """Failed requests in percent."""
    names = [f"zero_drop/{servers}: {kind}, {what}" for kind in ("failed", "requests")]
    return lambda found: found[names[0]] / found[names[1]] * 100 if all(name in found for name in names) else None


def read(paths: Sequence[Path]) -> dict[str, float]:
    """The figures and bars of these results."""
    found: dict[str, float] = {}
    for path in paths:
        result = json.loads(path.read_text())
        for name, value in result["figures"].items():
            if isinstance(value, (int, float)):
                found[f"{result['name']}/{name}"] = value
        for bar in result["bars"]:
            if bar["value"] is not None:
                found[f"{result['name']}/{bar['name']}"] = bar["value"]
    return found


def table(found: Found) -> str:
    """The lines in Markdown."""
    lines = ["| | marathon-lb | Edge-LB |", "| --- | --- | --- |"]
    for row in rows():
        value = row.ours(found)
        ours = "-" if value is None else f"{number(value)} {row.unit}".strip()
        theirs = row.theirs if row.theirs == "-" else f"{row.theirs} {row.unit}".strip()
        lines.append(f"| {row.what} | {theirs} | {ours} |")
    return "\n".join(lines)


def number(value: float) -> str:
    """With as many digits as mean something."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.compare", description="Print the table of comparison.")
    options.add_argument("results", nargs="*", type=Path, help="what benchmarks printed with --json")
    print(table(read(options.parse_args(arguments).results)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
