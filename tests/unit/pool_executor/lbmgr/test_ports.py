"""Listening ports from /proc/net/tcp."""

from pathlib import Path

import pytest

from pool_executor.lbmgr.ports import Listener, listeners, taken

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TAIL = "00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc/net with three listeners and one connection."""
    (tmp_path / "tcp").write_text(
        HEADER
        + f"   0: 0100007F:1F90 00000000:0000 0A {TAIL}"
        + f"   1: 00000000:0050 00000000:0000 0A {TAIL}"
        + f"   2: 0100007F:2328 0100007F:1F90 01 {TAIL}"
    )
    (tmp_path / "tcp6").write_text(
        HEADER + f"   0: 00000000000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A {TAIL}"
    )
    return tmp_path


def test_listeners_are_found_in_both_families(proc: Path) -> None:
    """Addresses are given as people write them; connections are no listeners."""
    assert listeners(proc) == {Listener("127.0.0.1", 8080), Listener("0.0.0.0", 80), Listener("::1", 443)}


def test_a_port_is_taken_when_the_addresses_overlap(proc: Path) -> None:
    """A wildcard on either side overlaps; two different addresses do not."""
    found = listeners(proc)
    assert taken({"web": 8080}, {}, found) == [("web", 8080, Listener("127.0.0.1", 8080))]
    assert taken({"web": 8080}, {"web": "10.0.0.1"}, found) == []
    assert taken({"web": 80}, {"web": "10.0.0.1"}, found) == [("web", 80, Listener("0.0.0.0", 80))]
    assert taken({"web": 81}, {}, found) == []


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    """HAProxy's own bind is the only check then."""
    assert listeners(tmp_path / "none") == frozenset()
