"""Runs the benchmarks one after the other, and keeps their results beside machine and method.

    .venv/bin/python -m benchmarks.suite RESULTS [--only churn,pools] [--quick]

RESULTS/NAME.json is what a benchmark found and RESULTS/NAME.log what it said meanwhile; RESULTS/machine.json tells the
machine, its load before each, and how long each took; RESULTS/comparison.md is the table of
docs/reference/peer-comparison.md. One that fails is told in the end, and the others run all the same. What was measured
before and is not measured now stays in the table.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.compare import read, table
from benchmarks.report import progress

ROOT = Path(__file__).resolve().parents[1]
PARTS: Mapping[str, Sequence[str]] = {
    "event_to_traffic": ["--servers", "1000,10000,50000"],
    "zero_drop": [],
    "churn": [],
    "snapshot": [],
    "pools": [],
    "data_plane": [],
    "routing": [],
    "convergence": [],
    "embedded_mesos_scale": [],
    "embedded_mesos_allocation": [],
    "offers": [],
    "deploy": [],
    "driver": [],
    "render": [],
    "auto_pools": [],
    "tls_rotation": [],
    "reloads": [],
}
COMPARED = ("event_to_traffic", "zero_drop", "churn", "snapshot", "pools", "data_plane")
"""What the table is made of; these run if nothing else is asked for."""


def machine() -> dict[str, str]:
    """What tells one machine from another."""
    processors = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    haproxy = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=False).stdout.splitlines()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return {
        "processors": f"{len(os.sched_getaffinity(0))} x {processors[0] if processors else platform.machine()}",
        "memory": f"{memory / 1e6:.1f} GB",
        "system": platform.platform(),
        "python": platform.python_version(),
        "haproxy": haproxy[0] if haproxy else "none",
        "commit": commit.strip(),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def run(name: str, results: Path, *, quick: bool) -> dict[str, float | int | str]:
    """Run one; when it began, how long it took, what else the machine did then, and its exit status."""
    began, load, start = datetime.now(UTC), os.getloadavg()[0], time.monotonic()
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--json", *PARTS[name]]
    fresh = results / f"{name}.json.new"
    with fresh.open("w") as found, (results / f"{name}.log").open("w") as said:
        status = subprocess.run([*command, *(["--quick"] if quick else [])], stdout=found, stderr=said, check=False)
    if status.returncode == 0:
        fresh.replace(results / f"{name}.json")
    else:
        fresh.unlink()
    took = round(time.monotonic() - start, 1)
    return {"began": began.isoformat(timespec="seconds"), "seconds": took, "load": load, "status": status.returncode}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them; 1 when one failed."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.suite", description="Run the benchmarks.")
    options.add_argument("results", type=Path, help="the directory in which results are kept")
    options.add_argument("--only", default=",".join(COMPARED), help="these, with commas between")
    options.add_argument("--quick", action="store_true", help="the smaller size of each")
    given = options.parse_args(arguments)
    names = given.only.split(",")
    if unknown := set(names) - set(PARTS):
        options.error(f"there is no benchmark {', '.join(sorted(unknown))}: choose among {', '.join(PARTS)}")
    results: Path = given.results
    results.mkdir(parents=True, exist_ok=True)
    kept = results / "machine.json"
    record = json.loads(kept.read_text()) if kept.exists() else {"runs": {}}
    record["machine"] = machine()
    failed = []
    for name in names:
        done = run(name, results, quick=given.quick)
        record["runs"][name] = done
        kept.write_text(json.dumps(record, indent=2))
        progress(f"{name}: {done['seconds']} s, status {done['status']}")
        if done["status"]:
            failed.append(name)
    paths = [path for name in PARTS if (path := results / f"{name}.json").exists()]
    (results / "comparison.md").write_text(table(read(paths)) + "\n")
    if failed:
        progress(f"failed: {', '.join(failed)}; see {', '.join(str(results / f'{name}.log') for name in failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
