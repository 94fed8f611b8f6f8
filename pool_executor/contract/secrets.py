"""What an instance asks about its secrets and what it is answered; said in private (`sdk.mesos.conversation`). Pure.

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
    """Which files the instance has, by name: the sha256 of each."""

    have: Mapping[str, str] = field(default_factory=dict)


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
    """All files of the pool and no others."""

    files: tuple[SecretFile, ...] = ()


def encode_question(question: SecretsQuestion) -> bytes:
    """As it is said."""
    return json.dumps({"have": dict(question.have)}).encode()


def decode_question(text: bytes) -> SecretsQuestion:
    """Raises CorruptRecord."""
    have = _object(text, "question").get("have")
    if not isinstance(have, dict) or not all(
        FILE_NAME.fullmatch(name) and isinstance(sum_, str) and _SHA256.fullmatch(sum_) for name, sum_ in have.items()
    ):
        raise CorruptRecord("question.have", "must be sums by names of files")
    return SecretsQuestion(have=have)


def encode_answer(answer: SecretsAnswer) -> bytes:
    """As it is said."""
    files = [
        {
            "file": one.file,
            "data": None if one.data is None else base64.b64encode(one.data).decode("ascii"),
            "same": one.same,
            "trouble": one.trouble,
        }
        for one in answer.files
    ]
    return json.dumps({"files": files}).encode()


def decode_answer(text: bytes) -> SecretsAnswer:
    """Raises CorruptRecord."""
    files = _object(text, "answer").get("files")
    if not isinstance(files, list):
        raise CorruptRecord("answer.files", "must be a list")
    return SecretsAnswer(files=tuple(_file(one, f"answer.files[{at}]") for at, one in enumerate(files)))


def _file(raw: object, path: str) -> SecretFile:
    if not isinstance(raw, dict):
        raise CorruptRecord(path, "must be an object")
    name, data, same, trouble = (raw.get(key) for key in ("file", "data", "same", "trouble"))
    if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
        raise CorruptRecord(f"{path}.file", "is no name of a file")
    if not isinstance(same, bool) or not isinstance(data, str | None) or not isinstance(trouble, str | None):
        raise CorruptRecord(path, "has a field of another type")
    try:
        content = None if data is None else base64.b64decode(data, validate=True)
    except ValueError:
        raise CorruptRecord(f"{path}.data", "is not base64") from None
    return SecretFile(file=name, data=content, same=same, trouble=trouble)


def _object(text: bytes, what: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise CorruptRecord(what, "is not JSON") from None
    if not isinstance(value, dict):
        raise CorruptRecord(what, "is not a JSON object")
    return value
