"""HAProxy's log in the sandbox, which must not fill the disk."""

import os
from pathlib import Path

import pytest

from pool_executor.lbmgr.haproxy.output import Output

LARGE = 9 * 1024 * 1024


@pytest.fixture
def output(tmp_path: Path) -> Output:
    """HAProxy's, in `haproxy.log`."""
    return Output(tmp_path / "haproxy.log", tmp_path)


def test_a_large_log_moves_to_a_second_file(output: Output, tmp_path: Path) -> None:
    """Older lines are kept once; HAProxy appends to the same file."""
    log = tmp_path / "haproxy.log"
    log.write_bytes(b"old line\n")
    output.trim()
    assert log.read_bytes() == b"old line\n"
    os.truncate(log, LARGE)
    output.trim()
    assert log.stat().st_size == 0
    assert (tmp_path / "haproxy.log.1").stat().st_size == LARGE


def test_a_large_log_is_emptied_when_it_cannot_be_kept(output: Output, tmp_path: Path) -> None:
    """The disk may be full because of it."""
    log = tmp_path / "haproxy.log"
    log.touch()
    os.truncate(log, LARGE)
    (tmp_path / "haproxy.log.1").mkdir()
    output.trim()
    assert log.stat().st_size == 0
