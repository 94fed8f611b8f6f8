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


def test_a_message_is_read_at_once_and_given_in_pieces() -> None:
    """What was read ahead is something to read, however long the kernel has nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        handler = PollingHandler()
        one = handler.create_connection(server.getsockname(), timeout=5)
        one.setblocking(False)
        other, _ = server.accept()
        with one, other:
            assert handler.select([one], [], [], 0) == ([], [], [])
            other.sendall(b"\0\0\0\3abc")
            assert handler.select([one], [], [], 5)[0] == [one]
            assert one.recv(4) == b"\0\0\0\3"
            assert handler.select([one], [one], [], None)[0] == [one]
            assert (one.recv(3), handler.select([one], [], [], 0)) == (b"abc", ([], [], []))
            with pytest.raises(BlockingIOError):
                one.recv(4)


def test_what_follows_from_a_word_is_done_by_whoever_reads_it() -> None:
    """And costs the next one nothing when it fails."""
    handler, called = PollingHandler(), list[str]()
    handler.callback_queue.put(lambda: 1 / 0)
    handler.callback_queue.put(lambda: called.append("here"))
    assert called == ["here"]
