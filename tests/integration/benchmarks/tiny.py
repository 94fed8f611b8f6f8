"""Benchmarks at a tiny size. They stand in several files so that they can run beside each other.

What a machine that has other things to do can keep is checked: no request failed, no reload, nothing different. Times
are not.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
TINY = {
    "event_to_traffic": ["--servers", "50", "--one-backend", "50", "--changes", "2", "--repeats", "1"],
    "zero_drop": ["--quick", "--servers", "50", "--scenarios", "maps"],
    "churn": ["--tasks", "200", "--rate", "50", "--seconds", "2", "--pools", "3", "--burst", "50"],
    "snapshot": ["--servers", "100", "--imports", "1"],
    "pools": ["--pools", "12", "--tasks", "100", "--changes", "2", "--repeats", "1", "--rules", "50"],
    "convergence": ["--quick", "--changes", "100"],
    "data_plane": ["--seconds", "0.5", "--rounds", "1", "--hosts", "200"],
    "routing": ["--seconds", "0.3", "--rounds", "1", "--patterns", "5"],
    "embedded_mesos_scale": ["--agents", "5", "--tasks", "100", "--rate", "20", "--seconds", "1"],
    "embedded_mesos_allocation": ["--agents", "20", "--frameworks", "5"],
    "offers": ["--quick"],
    "deploy": ["--quick"],
    "driver": ["--quick"],
    "render": ["--quick"],
    "auto_pools": ["--apps", "50", "--live", "5", "--changes", "2"],
    "tls_rotation": ["--rotations", "3", "--handshakes", "50"],
    "reloads": ["--reloads", "30"],
}
CERTAIN = ("reloads", "failed", "differences", "missing or too many", "lost, repeated", "descriptors", "sockets")
"""Words of bars that hold on any machine."""


def scripts() -> set[str]:
    """All benchmarks: what begins with how it is run."""
    return {
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if f"benchmarks/{path.stem}.py [" in path.read_text() or f"benchmarks/{path.stem}.py \\" in path.read_text()
    }


def run(name: str) -> Any:
    """The JSON object that it printed."""
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--json", "--rest", "0.1", *TINY[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def says_what_it_found(name: str) -> None:
    """It ran from its beginning to its end, and has figures, and bars with their limits, in the common form."""
    found = run(name)
    assert found["name"] == name
    assert found["bars"]
    assert all(value is not None for value in found["figures"].values())
    for bar in found["bars"]:
        assert bar["ok"] is (None if bar["value"] is None else bar["value"] <= bar["limit"])
        if any(word in bar["name"] for word in CERTAIN):
            assert bar["ok"] is not False, bar
