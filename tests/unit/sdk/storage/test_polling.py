"""How the threads of the ZooKeeper client wait for sockets."""

import socket
from collections.abc import Iterator

import pytest

from sdk.storage.polling import PollingHandler

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    first, second = socket.socketpair()
    yield first, second
    first.close()
    second.close()


def test_what_can_be_read_and_written_is_told(pair: Pair) -> None:
    """As select() does."""
    first, second = pair
    wait = PollingHandler().select
    assert wait([first, second], [], [], 0) == ([], [], [])
    assert wait([first], [first], [], None) == ([], [first], [])
    second.send(b"x")
    assert wait([first, second], [second], [], 5.0) == ([first], [second], [])


def test_an_end_is_for_whoever_reads_or_writes(pair: Pair) -> None:
    """They learn what happened."""
    first, second = pair
    second.close()
    wait = PollingHandler().select
    assert wait([first], [], [], None) == ([first], [], [])
    assert wait([], [first], [], None) == ([], [first], [])


def test_a_closed_socket_is_an_error(pair: Pair) -> None:
    """Nobody would ever be told of it."""
    first, _ = pair
    first.close()
    with pytest.raises(ValueError, match="negative"):
        PollingHandler().select([first], [], [], 0)


def test_a_negative_timeout_is_an_error(pair: Pair) -> None:
    """It would be one without end."""
    with pytest.raises(ValueError, match="must not be negative"):
        PollingHandler().select([pair[0]], [], [], -1)
