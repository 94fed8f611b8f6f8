"""Servers of dead tasks and an instance whose sandbox has no room left."""

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.local import processes
from tests.support.chain.chain import PATIENCE, Chain, Pool
from tests.support.chain.recycling import in_use, recycle
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

# Mounts of a namespace of their own end with it; an ordinary user needs one of users as well.
UNSHARE = ("unshare", "-m") if os.getuid() == 0 else ("unshare", "-rm")


@pytest.fixture
def cramped(chain: Chain) -> Iterator[Pool]:
    """A pool whose instance has a sandbox of 4 MB, which only it sees mounted."""
    if subprocess.run((*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"), capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs in a namespace of its own")
    name = f"p{uuid.uuid4().hex[:8]}"
    mount = 'mount -t tmpfs -o size=4m none "$0" && exec "$@"'
    with chain.pool(name, tasks=3, before=(*UNSHARE, "sh", "-c", mount, str(chain.directory / name))) as pool:
        yield pool


def test_servers_go_while_the_disk_is_full(cramped: Pool) -> None:
    """HAProxy is told of them; what cannot be written now is written when there is room, before the next start."""
    ballast = Path(f"/proc/{cramped.instance.pid}/root{cramped.sandbox}/ballast")
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    recycle(cramped, cramped.tasks[0])
    recycle(cramped, cramped.tasks[0])
    ballast.unlink()
    recycle(cramped, cramped.tasks[0])
    ports = in_use(cramped)
    # Workers end with their master, perhaps before it is their turn.
    processes.send(cramped.haproxy(), signal.SIGKILL)
    wait_until(lambda: cramped.ports() == ports, PATIENCE, "HAProxy's new start with the same servers")
    cramped.serves(*cramped.tasks)
