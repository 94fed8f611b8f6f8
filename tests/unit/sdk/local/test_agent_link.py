"""An agent's link to a master that cannot be had: what is said about it, in words that are no library's."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import pytest

from sdk.local.agent_link import MasterLink
from sdk.local.fault_values import AgentFaults
from sdk.local.http_errors import plain
from tests.support.ports import free_port


def first_trouble(master: str) -> str:
    """What the link to a master says first."""

    async def run() -> str:
        said: asyncio.Queue[str] = asyncio.Queue()
        link = MasterLink(
            master,
            AgentFaults(),
            register=lambda: {"type": "REGISTER"},
            hear=lambda _message: None,
            lost=lambda: None,
            say=said.put_nowait,
        )
        following = asyncio.create_task(link.follow())
        try:
            return await asyncio.wait_for(said.get(), 20)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    return asyncio.run(run())


def test_a_master_that_is_not_there_is_told_in_plain_words() -> None:
    """Address, reason and what comes next; nothing of the HTTP library."""
    port = free_port()
    assert first_trouble(f"127.0.0.1:{port}") == (
        f"cannot reach the master at 127.0.0.1:{port}: Connection refused; trying again every 1 s"
    )


def test_a_name_that_nobody_knows_is_told_in_plain_words() -> None:
    """The resolver's reason."""
    said = first_trouble("nosuch.invalid:5050")
    assert said.startswith("cannot reach the master at nosuch.invalid:5050: ")
    assert "ssl" not in said
    assert "Cannot connect" not in said


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "it ended the connection without an answer"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "it answered 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "it is no master of an embedded Mesos: "),
        (
            b"HTTP/1.1 307 Go\r\nLocation: /internal/agent\r\nConnection: close\r\n\r\n",
            "it sends everybody round in circles",
        ),
    ],
)
def test_what_answers_strangely_is_told_in_plain_words(answer: bytes, why: str) -> None:
    """Also somebody else on the master's port, who must not end the agent."""
    with Answering(answer) as port:
        assert first_trouble(f"127.0.0.1:{port}").startswith(f"cannot reach the master at 127.0.0.1:{port}: {why}")


class Answering:
    """Somebody who gives the same answer to everybody and ends the connection."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._server.getsockname()[1])

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._server.accept()
                with peer, suppress(OSError):
                    peer.recv(65536)
                    peer.sendall(self._answer)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (lambda: aiohttp.ClientPayloadError("TransferEncodingError: 400"), "the connection broke off"),
        (lambda: aiohttp.ServerTimeoutError("Connection timeout to host"), "no answer in time"),
        (lambda: TimeoutError(), "no answer in time"),
        (lambda: ConnectionResetError(104, "Cannot write to closing transport"), "Connection reset by peer"),
        (lambda: aiohttp.ClientOSError(None, "Can not write request body"), "the connection broke off"),
        (lambda: OSError("no master is published"), "no master is published"),
        (lambda: ValueError(), "ValueError"),
    ],
)
def test_a_reason_has_words_of_its_own(error: Callable[[], Exception], words: str) -> None:
    """Where the system has a word for it, that one."""
    assert plain(error()) == words
