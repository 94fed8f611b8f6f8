"""A local stack whose disk becomes full: it says so, goes on where it can, and comes back when there is room."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk.local import processes
from tests.e2e.conftest import CHECKOUT
from tests.support.http import request
from tests.support.stack_ports import free_base
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

SIZE = 64
"""MB of the disk."""
# Mounts of a namespace of their own end with it; an ordinary user needs one of users as well.
UNSHARE = ("unshare", "-m") if os.getuid() == 0 else ("unshare", "-rm")


class SmallDisk:
    """`edgelb local up` whose directory is a disk of its own, which only it and its children see mounted."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self.output = directory.parent / "output"
        self._base = free_base()
        mount = f'mount -t tmpfs -o size={SIZE}m none "$0" && exec "$@"'
        up = (sys.executable, "-m", "api.cli.main", "local", "up", "--directory", str(directory))
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                (*UNSHARE, "sh", "-c", mount, str(directory), *up, "--base-port", str(self._base)),
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def _seen(self) -> Path:
        """The directory, as the stack sees it."""
        return Path(f"/proc/{self.process.pid}/root{self._directory}")

    def await_traffic(self) -> str:
        """One of the URLs of the pool `web`, once it serves."""
        urls = wait_until(lambda: json.loads((self._seen / "urls.json").read_text()), 90, "urls.json")
        found: str = urls["pools"]["web"]["web"][0]
        return found

    def fill(self) -> None:
        """Leave no room."""
        with (self._seen / "ballast").open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(65536))

    def make_room(self) -> None:
        """Give it all back."""
        (self._seen / "ballast").unlink()

    def said(self) -> str:
        """What the stack told on its terminal."""
        return self.output.read_text()

    def api(self, path: str) -> Any:
        """The answer of the API: status and document."""
        answer = request("GET", f"http://127.0.0.1:{self._base}{path}", timeout=5)
        return answer.status, answer.json()

    def count(self, wanted: int) -> bool:
        """Ask the sample application for so many instances; whether it could take that down."""
        answer = request("PUT", f"http://127.0.0.1:{self._base + 5}/v1/count", json={"count": wanted}, timeout=5)
        return answer.status == 200

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Whatever happens to the stack, it ends with the test."""
    if subprocess.run((*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"), capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs in a namespace of its own")
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.stop()


def test_a_full_disk_is_told_and_everything_comes_back_when_there_is_room(disk: SmallDisk) -> None:
    """ZooKeeper ends at its next write; load balancers serve on; no supervisor is gone afterwards."""
    url = disk.await_traffic()
    disk.fill()

    def zookeeper_ended() -> bool:
        disk.count(3)
        return "zookeeper: ended with status" in disk.said()

    wait_until(zookeeper_ended, 60, "ZooKeeper to need room", every=0.2)
    wait_until(lambda: "No space left on device" in disk.said(), 20, "its reason")
    wait_until(lambda: "disk: is full" in disk.said(), 20, "the disk's line")
    # Often enough that whatever counts attempts has counted them.
    wait_until(lambda: disk.said().count("zookeeper: ended with status") > 4, 60, "more ends of ZooKeeper")
    assert request("GET", url).status == 200

    disk.make_room()
    wait_until(lambda: disk.api("/v2/pools/web/status")[1]["state"] == "ready", 60, "the pool to be ready")
    wait_until(lambda: disk.count(3), 30, "the application to take a new count")
    wait_until(lambda: "webapp-2-web" in request("GET", url).data.decode(), 60, "its instance")
    assert "disk: has room again" in disk.said()
    names = [" ".join(processes.command_line(pid)) for pid in processes.descendants(disk.process.pid)]
    for component in ("scheduler", "listener", "template", "api"):
        assert any(name.endswith(f"api.cli.main run {component}") for name in names), component
