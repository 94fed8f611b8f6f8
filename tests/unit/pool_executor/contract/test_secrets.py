"""What is said about secrets reads as it was written; what is odd is refused without being shown."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool_executor.contract.secrets import (
    SecretFile,
    SecretsAnswer,
    SecretsQuestion,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
)
from sdk.errors import CorruptRecord

SUM = "a" * 64


def test_both_read_as_they_were_written() -> None:
    """Bytes that are no text, too."""
    question = SecretsQuestion(have={"web.pem": SUM}, request=b"\x30\x00", chain=b"PEM")
    assert decode_question(encode_question(question)) == question
    answer = SecretsAnswer(
        files=(
            SecretFile(file="web.pem", data=b"\x00\xff"),
            SecretFile(file="other", same=True, trouble="the store is away"),
            SecretFile(file="gone", trouble="there is none"),
        ),
        chain=SecretFile(file="autocert.pem", data=b"PEM"),
    )
    assert decode_answer(encode_answer(answer)) == answer
    assert "xff" not in repr(answer)


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"[]",
        b"{}",
        b'{"have": []}',
        b'{"have": {"../x": "%s"}}' % SUM.encode(),
        b'{"have": {"a": "b"}}',
        b'{"have": {}, "request": 7}',
        b'{"have": {}, "chain": "no base64"}',
    ],
)
def test_an_odd_question_is_refused(question: bytes) -> None:
    """It comes from another machine."""
    with pytest.raises(CorruptRecord):
        decode_question(question)


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../etc/passwd"}, {"file": ".hidden"}, {"file": 7}, {"data": "do not tell"}, {"data": 7},
        {"same": None}, {"trouble": []},
    ],
)  # fmt: skip
def test_an_odd_answer_is_refused_and_not_shown(change: dict[str, Any]) -> None:
    """What went wrong with a secret goes to the log."""
    one = {"file": "web.pem", "data": "c2VjcmV0", "same": False, "trouble": None} | change
    with pytest.raises(CorruptRecord) as caught:
        decode_answer(json.dumps({"files": [one]}).encode())
    assert "c2VjcmV0" not in str(caught.value)
    assert "do not tell" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=100))
def test_any_bytes_are_an_answer_or_refused(text: bytes) -> None:
    """Never another error."""
    for read in (decode_answer, decode_question):
        with contextlib.suppress(CorruptRecord):
            read(text)
