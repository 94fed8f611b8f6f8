"""HAProxy's log in the sandbox, which must not fill the disk."""

import os
from pathlib import Path

import pytest

from pool_executor.lbmgr.process import Haproxy

LARGE = 9 * 1024 * 1024


@pytest.fixture
def haproxy(tmp_path: Path) -> Haproxy:
    """One that was never started; its log is `haproxy.log`."""
    none = tmp_path / "none"
    return Haproxy(binary="haproxy", directory=none, admin=none, master=none, log=tmp_path / "haproxy.log")


def test_a_large_log_moves_to_a_second_file(haproxy: Haproxy, tmp_path: Path) -> None:
    """Older lines are kept once; HAProxy appends to the same file."""
    log = tmp_path / "haproxy.log"
    log.write_bytes(b"old line\n")
    haproxy.trim_log()
    assert log.read_bytes() == b"old line\n"
    os.truncate(log, LARGE)
    haproxy.trim_log()
    assert log.stat().st_size == 0
    assert (tmp_path / "haproxy.log.1").stat().st_size == LARGE


def test_a_large_log_is_emptied_when_it_cannot_be_kept(haproxy: Haproxy, tmp_path: Path) -> None:
    """The disk may be full because of it."""
    log = tmp_path / "haproxy.log"
    log.touch()
    os.truncate(log, LARGE)
    (tmp_path / "haproxy.log.1").mkdir()
    haproxy.trim_log()
    assert log.stat().st_size == 0
