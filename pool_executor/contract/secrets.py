"""What an instance asks about its secrets and its own certificate, and what it is answered. Pure.

It is said in private (`sdk.mesos.conversation`).

Errors never show a part of what was read.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pool_executor.contract.needs import FILE_NAME
from sdk.errors import CorruptRecord

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsQuestion:
    """Which files the instance has, by name: the sha256 of each; and its own certificate, as far as it is signed."""

    have: Mapping[str, str] = field(default_factory=dict)
    request: bytes | None = None
    """PKCS #10 in DER: to have its own certificate signed."""
    chain: bytes | None = None
    """What was signed for it last, in PEM: its certificate, and those between it and the authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """One file that the pool wants. Without `data` and not the `same`, there is none to be had."""

    file: str
    data: bytes | None = field(default=None, repr=False)
    same: bool = False
    """What the instance has is the newest there is."""
    trouble: str | None = None
    """Why there is none, or none that is certainly the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsAnswer:
    """All files of the pool and no others; and what was signed for the instance."""

    files: tuple[SecretFile, ...] = ()
    chain: SecretFile | None = None
    """As in the question; None where no authority is there for it, so that its own certificate signs itself."""


def encode_question(question: SecretsQuestion) -> bytes:
    """As it is said."""
    return json.dumps(
        {"have": dict(question.have), "request": _text(question.request), "chain": _text(question.chain)}
    ).encode()


def decode_question(text: bytes) -> SecretsQuestion:
    """Raises CorruptRecord."""
    fields = _object(text, "question")
    have = fields.get("have")
    if not isinstance(have, dict) or not all(
        FILE_NAME.fullmatch(name) and isinstance(sum_, str) and _SHA256.fullmatch(sum_) for name, sum_ in have.items()
    ):
        raise CorruptRecord("question.have", "must be sums by names of files")
    return SecretsQuestion(
        have=have,
        request=_bytes(fields.get("request"), "question.request"),
        chain=_bytes(fields.get("chain"), "question.chain"),
    )


def encode_answer(answer: SecretsAnswer) -> bytes:
    """As it is said."""
    chain = None if answer.chain is None else _entry(answer.chain)
    return json.dumps({"files": [_entry(one) for one in answer.files], "chain": chain}).encode()


def decode_answer(text: bytes) -> SecretsAnswer:
    """Raises CorruptRecord."""
    fields = _object(text, "answer")
    files, chain = fields.get("files"), fields.get("chain")
    if not isinstance(files, list):
        raise CorruptRecord("answer.files", "must be a list")
    return SecretsAnswer(
        files=tuple(_file(one, f"answer.files[{at}]") for at, one in enumerate(files)),
        chain=None if chain is None else _file(chain, "answer.chain"),
    )


def _entry(one: SecretFile) -> Mapping[str, object]:
    return {"file": one.file, "data": _text(one.data), "same": one.same, "trouble": one.trouble}


def _file(raw: object, path: str) -> SecretFile:
    if not isinstance(raw, dict):
        raise CorruptRecord(path, "must be an object")
    name, data, same, trouble = (raw.get(key) for key in ("file", "data", "same", "trouble"))
    if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
        raise CorruptRecord(f"{path}.file", "is no name of a file")
    if not isinstance(same, bool) or not isinstance(trouble, str | None):
        raise CorruptRecord(path, "has a field of another type")
    return SecretFile(file=name, data=_bytes(data, f"{path}.data"), same=same, trouble=trouble)


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _bytes(raw: object, path: str) -> bytes | None:
    if not isinstance(raw, str | None):
        raise CorruptRecord(path, "must be a string")
    try:
        return None if raw is None else base64.b64decode(raw, validate=True)
    except ValueError:
        raise CorruptRecord(path, "is not base64") from None


def _object(text: bytes, what: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise CorruptRecord(what, "is not JSON") from None
    if not isinstance(value, dict):
        raise CorruptRecord(what, "is not a JSON object")
    return value
