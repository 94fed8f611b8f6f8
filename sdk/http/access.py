"""Who sends a request, and what he may do: tokens and client certificates from a file, and a secret of two processes.

Knows how callers show who they are. Which requests need that is in `sdk.http.guard`.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from flask import Request

from sdk.errors import InvalidSpec
from sdk.http.tls import CLIENT_NAMES
from sdk.reread import Reread

_SHORTEST = 16
_FORM = "must have the form 'read|change NAME token:TEXT|sha256:HEX|certificate'"


class Right(StrEnum):
    """What a caller may do."""

    READ = "read"
    CHANGE = "change"
    """Read, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who has shown who he is."""

    name: str
    right: Right


class Way(Protocol):
    """How callers show who they are. Others than those below may be written, for single sign-on for example."""

    def caller(self, request: Request) -> Caller | None:
        """Who sent it, None when it does not say so in this way."""


class SharedSecret:
    """Whoever knows it may do everything: `Authorization: Bearer <secret>`."""

    def __init__(self, secret: str, name: str) -> None:
        self._expected, self._name = f"Bearer {secret}".encode(), name

    def caller(self, request: Request) -> Caller | None:
        """See `Way`."""
        if not hmac.compare_digest(_given(request), self._expected):
            return None
        return Caller(name=self._name, right=Right.CHANGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Callers:
    tokens: Mapping[bytes, Caller]
    """By the SHA-256 of the token: who compares these learns nothing by the time that it takes."""
    certificates: Mapping[str, Caller]
    """By a name in the certificate."""


class AccessFile:
    """Callers from a file, which is read again when it changes."""

    def __init__(self, path: Path, setting: str) -> None:
        """Raises InvalidSpec with the setting's name and the number of the line, never with what stands there."""
        self._callers = Reread((path,), lambda: _read(path, setting))

    def caller(self, request: Request) -> Caller | None:
        """See `Way`."""
        callers = self._callers.get()
        kind, _, token = _given(request).partition(b" ")
        if kind.lower() == b"bearer":
            return callers.tokens.get(hashlib.sha256(token).digest())
        names = request.environ.get(CLIENT_NAMES, ())
        return next((callers.certificates[name] for name in names if name in callers.certificates), None)


def _given(request: Request) -> bytes:
    return request.headers.get("Authorization", "").encode("utf-8", "replace")


def _read(path: Path, setting: str) -> _Callers:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidSpec(setting, f"{path} cannot be read: {reason}") from error
    tokens: dict[bytes, Caller] = {}
    certificates: dict[str, Caller] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"{path}, line {number}"
        if len(words) != 3 or words[0] not in tuple(Right):
            raise InvalidSpec(setting, f"{where}: {_FORM}")
        caller = Caller(name=words[1], right=Right(words[0]))
        kind, _, proof = words[2].partition(":")
        if words[2] == "certificate":
            found = certificates.setdefault(caller.name, caller)
        elif kind == "token":
            if len(proof) < _SHORTEST:
                raise InvalidSpec(
                    setting, f"{where}: the token has less than {_SHORTEST} characters: it can be guessed"
                )
            found = tokens.setdefault(hashlib.sha256(proof.encode()).digest(), caller)
        elif kind == "sha256" and re.fullmatch("[0-9a-f]{64}", proof):
            found = tokens.setdefault(bytes.fromhex(proof), caller)
        else:
            raise InvalidSpec(setting, f"{where}: {_FORM}")
        if found is not caller:
            raise InvalidSpec(setting, f"{where}: what is shown stands in an earlier line, too")
    if not tokens and not certificates:
        raise InvalidSpec(setting, f"{path} names nobody")
    return _Callers(tokens=tokens, certificates=certificates)
