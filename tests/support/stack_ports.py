"""Ports for whole stacks: each process that runs tests has blocks of them to itself."""

from pathlib import Path

from api.cli.local.layout import Layout
from sdk.local import processes
from tests.support.ports import held

PORTS_PER_STACK = 500
BASE_PORTS = range(16000, 24000, PORTS_PER_STACK)


def free_bases(count: int) -> list[int]:
    """Base ports whose fixed ports nobody listens on, and that no other test run on this machine takes meanwhile."""
    found = []
    for base in BASE_PORTS:
        if not held(base):
            continue
        layout = Layout(directory=Path("unused"), base_port=base)
        if not processes.listeners(set(layout.listening())):
            found.append(base)
        if len(found) == count:
            return found
    raise AssertionError(f"no {count} free blocks of ports for stacks")


def free_base() -> int:
    """One of them."""
    return free_bases(1)[0]
