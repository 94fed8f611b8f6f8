"""HAProxy's master process as its socket shows it: who its workers are, and orders for one of them.

Knows the master's command line. Does not know how the master is started or reloaded.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pool_executor.lbmgr.haproxy.runtime import SocketFailed, ask_once

_PATIENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """What the master tells about its workers: `failed` counts reloads that failed since the last one that worked."""

    reloads: int
    failed: int
    workers: tuple[int, ...]
    leaving: tuple[int, ...]


class Master:
    """The socket. A connection each time, because the master closes all of them at every reload."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def processes(self) -> Processes | None:
        """The master's account of its workers; None when it does not answer now."""
        try:
            return parse_processes(ask_once(self.path, "show proc", timeout=_PATIENCE))
        except SocketFailed:
            return None

    def tell(self, worker: int, command: str) -> str:
        """What a worker, also one that leaves, answers to a command; raises SocketFailed."""
        return ask_once(self.path, f"@!{worker} {command}", timeout=_PATIENCE)


def parse_processes(text: str) -> Processes | None:
    """`show proc` of the master."""
    reloads, failed = -1, 0
    workers: list[int] = []
    leaving: list[int] = []
    into = workers
    for line in text.splitlines():
        if line.startswith("# old workers"):
            into = leaving
        elif line.startswith("#"):
            into = workers
        words = line.split()
        if len(words) < 3 or not words[0].isdigit():
            continue
        if words[1] == "master":
            reloads = int(words[2])
            match = re.search(r"\[failed: (\d+)\]", line)
            failed = int(match[1]) if match else 0
        elif words[1] == "worker":
            into.append(int(words[0]))
    if reloads < 0:
        return None
    return Processes(reloads=reloads, failed=failed, workers=tuple(workers), leaving=tuple(leaving))
