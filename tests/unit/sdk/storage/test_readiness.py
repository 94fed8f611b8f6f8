"""Waiting for sockets."""

import socket

import pytest

from sdk.storage.readiness import PollingHandler


def test_only_what_is_ready_is_told() -> None:
    """To be read, to be written, or neither until the time is over."""
    handler = PollingHandler()
    one, other = socket.socketpair()
    with one, other:
        assert handler.select([one], [], [], 0) == ([], [], [])
        assert handler.select([], [one], [], 1) == ([], [one], [])
        assert handler.select([one], [one], [], 1) == ([], [one], [])
        other.send(b"x")
        assert handler.select([other, one], [one], [], None) == ([one], [one], [])


def test_the_end_of_a_connection_is_something_to_read() -> None:
    """Whoever reads finds out."""
    one, other = socket.socketpair()
    with one:
        other.close()
        assert PollingHandler().select([one], [], [], None)[0] == [one]


def test_a_closed_socket_is_refused() -> None:
    """As kazoo's own way to wait does."""
    one, other = socket.socketpair()
    one.close()
    with other, pytest.raises(TypeError):
        PollingHandler().select([one, other], [], [], 0)
