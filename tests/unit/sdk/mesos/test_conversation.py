"""A private conversation: whatever is cut, lost, forged or repeated, either all is heard or it is broken."""

import contextlib
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.secret_delivery.identity import make_context
from sdk.mesos.conversation import (
    MOST_PIECE,
    MOST_SAID,
    Broken,
    Conversation,
    Kind,
    Piece,
    decode,
    executors_context,
)

CONTEXT = make_context()


def piece(message: bytes) -> Piece:
    found = decode(message)
    assert found is not None
    return found


class Wire:
    """Both ends, and every message that crossed."""

    def __init__(self, question: bytes) -> None:
        self.executor = Conversation(executors_context())
        self.executor.say(question)
        self.framework: Conversation | None = None
        self.crossed: list[bytes] = []

    def to_framework(self) -> bytes | None:
        heard = None
        for message in list(self.executor.pieces()):
            self.crossed.append(message)
            if self.framework is None:
                self.framework = Conversation(CONTEXT, begun=piece(message).conversation)
            heard = self.framework.hear(piece(message))
        return heard

    def to_executor(self) -> bytes | None:
        assert self.framework is not None
        heard = None
        for message in list(self.framework.pieces()):
            self.crossed.append(message)
            heard = self.executor.hear(piece(message))
        return heard

    def ask(self) -> bytes:
        """Until the question is heard."""
        for _ in range(3):
            heard = self.to_framework()
            if heard is not None:
                return heard
            self.to_executor()
        raise AssertionError("the question was never heard")

    def answer(self, text: bytes) -> bytes | None:
        assert self.framework is not None
        self.framework.say(text)
        return self.to_executor()


@pytest.mark.parametrize("size", [0, 1, 16_384, MOST_PIECE, 3 * MOST_PIECE + 1])
def test_a_question_is_answered_whatever_its_size(size: int) -> None:
    """In pieces that Mesos carries easily, and none of it can be read on the way."""
    answer = (b"-----BEGIN PRIVATE KEY-----" * (size // 27 + 1))[:size]
    wire = Wire(b"what is the key?" * 10)
    assert wire.ask() == b"what is the key?" * 10
    assert wire.answer(answer) == answer
    assert all(len(message) <= MOST_PIECE + 64 for message in wire.crossed)
    everything = b"".join(wire.crossed)
    assert b"what is the key" not in everything
    assert b"PRIVATE KEY" not in everything


def test_the_framework_asks_with_two_messages_of_the_executor() -> None:
    """Every message costs the master something."""
    wire = Wire(b"?")
    wire.ask()
    wire.answer(b"!")
    sent = [piece(message).number for message in wire.crossed]
    assert len(sent) == 4


def test_a_lost_repeated_or_changed_piece_breaks_it() -> None:
    """Nothing is guessed: the executor begins anew."""
    wire = Wire(b"?")
    wire.ask()
    assert wire.framework is not None
    wire.framework.say(b"x" * (2 * MOST_PIECE))
    _, second, *_ = wire.framework.pieces()
    with pytest.raises(Broken, match="message 2 came in the place of 1"):
        wire.executor.hear(piece(second))

    again = Wire(b"?")
    again.ask()
    assert again.framework is not None
    again.framework.say(b"!" * 100)
    [message] = again.framework.pieces()
    changed = piece(message[:-1] + bytes([message[-1] ^ 1]))
    with pytest.raises(Broken, match="TLS failed"):
        again.executor.hear(changed)


def test_what_somebody_else_says_in_its_place_is_not_heard() -> None:
    """A piece of another conversation, at the right number."""
    one, other = Wire(b"?"), Wire(b"?")
    one.ask()
    other.ask()
    assert one.framework is not None
    assert other.framework is not None
    other.framework.say(b"lies")
    [forged] = other.framework.pieces()
    with pytest.raises(Broken):
        one.executor.hear(piece(forged))


def test_too_much_is_not_said() -> None:
    """Both sides hold it in memory."""
    with pytest.raises(ValueError, match="too many to say"):
        Conversation(executors_context()).say(b"x" * (MOST_SAID + 1))


def test_old_tls_is_not_talked(tmp_path: Path) -> None:
    """Only what is sound without further settings."""
    assert CONTEXT.minimum_version == executors_context().minimum_version == ssl.TLSVersion.TLSv1_3


@given(st.binary(max_size=200))
def test_what_is_no_piece_is_none_and_never_an_error(message: bytes) -> None:
    """Executors may say anything."""
    decode(message)
    decode(b"talk" + message)
    framework = Conversation(CONTEXT, begun=bytes(16))
    with contextlib.suppress(Broken):
        assert framework.hear(Piece(kind=Kind.SAID, data=message)) is None


def test_more_than_is_listened_to_breaks_it() -> None:
    """A side that was taken over must not fill the memory of the other one."""
    executor = Conversation(executors_context())
    executor.say(b"x" * 2001)
    [hello] = executor.pieces()
    framework = Conversation(CONTEXT, begun=executor.identity, most=2000)
    framework.hear(piece(hello))
    for message in framework.pieces():
        executor.hear(piece(message))
    [asked] = executor.pieces()
    with pytest.raises(Broken, match="more is said"):
        framework.hear(piece(asked))
