"""The recordings of a real Mesos, by what a test asks of them."""

import functools
import json
from pathlib import Path
from typing import Any

_DIRECTORY = Path(__file__).parents[2] / "data" / "mesos-traces"
NAMES = tuple(sorted(path.stem for path in _DIRECTORY.glob("*.jsonl")))


@functools.cache
def lines(name: str) -> tuple[dict[str, Any], ...]:
    """All lines of a scenario."""
    with (_DIRECTORY / f"{name}.jsonl").open(encoding="utf-8") as file:
        return tuple(json.loads(line) for line in file)


def events(name: str, who: str = "scheduler") -> list[dict[str, Any]]:
    """The events that these clients got as JSON, in order."""
    return [line["body"] for line in lines(name) if line["who"] == who and line["kind"] == "event" and "body" in line]


def calls(name: str, kind: str, who: str = "scheduler") -> list[dict[str, Any]]:
    """The calls of this type that these clients made and that are as they should be."""
    return [
        line["body"]
        for line in lines(name)
        if line["who"] == who
        and line["kind"] == "call"
        and "note" not in line
        and isinstance(line.get("body"), dict)
        and line["body"].get("type") == kind
    ]
