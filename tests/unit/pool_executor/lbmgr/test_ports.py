"""Listening ports from /proc/net/tcp."""

import socket
from pathlib import Path

import pytest

from pool_executor.lbmgr.structure.ports import Listener, binds, listeners, refusal, taken

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


def test_bind_lines_are_found_with_address_and_variable() -> None:
    """As the template writes them, with options or without; other lines and transparent binds are left to HAProxy."""
    text = """
frontend a
    bind "127.0.0.1:${PORT_WEB}"
    bind :${PORT_A_1} ssl crt x.pem
    bind "${PORT_WEB}"
    bind 10.0.0.1:${PORT_T} transparent
    bind 10.0.0.1:8080 name x
    bind :80-90
    bind 10.0.0.1:1,10.0.0.1:2
    bind /run/x.sock
    bind ipv4@10.0.0.1:3
    http-request set-header X "bind 1.2.3.4:${PORT_NO}"
    bind "[::1]:${PORT_V6}"
"""
    assert list(binds(text)) == [
        ("127.0.0.1", "PORT_WEB"),
        ("", "PORT_A_1"),
        ("10.0.0.1", "8080"),
        ("[::1]", "PORT_V6"),
    ]


def test_an_address_that_nobody_has_is_refused_and_one_that_haproxy_listens_at_is_not() -> None:
    """What the kernel says about binding, with the options that HAProxy uses; a free address is None."""
    assert refusal("192.0.2.1", 0) == "Cannot assign requested address"
    assert refusal("127.0.0.1", 0) is refusal("", 0) is refusal("localhost", 0) is refusal("*", 0) is None
    assert refusal("no-such-host.invalid", 0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert refusal("127.0.0.1", other.getsockname()[1]) == "Address already in use"
    with socket.socket() as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(("127.0.0.1", 0))
        shared.listen()
        assert refusal("127.0.0.1", shared.getsockname()[1]) is None
