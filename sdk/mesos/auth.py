"""Credentials for masters and agents: the value of the Authorization header, and how to get a new one after a 401."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Credentials(Protocol):
    """What a client needs to know about its credentials."""

    def header(self) -> str | None:
        """The value of the Authorization header, None to send none."""

    def refresh(self) -> bool:
        """The peer said 401: get new credentials; False when there is no other than those it refused."""

    def refused(self) -> str:
        """What it means that a peer said 401, to stand behind the peer's name; never with a secret."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credentials."""

    def header(self) -> str | None:
        """Nothing."""
        return None

    def refresh(self) -> bool:
        """Nothing else to offer."""
        return False

    def refused(self) -> str:
        """Credentials are wanted."""
        return "wants credentials: set --mesos-principal and --mesos-secret-file"


@dataclass(frozen=True, slots=True)
class Basic:
    """A principal and its secret."""

    principal: str
    secret: str = field(repr=False)

    def header(self) -> str | None:
        """HTTP basic authentication; UTF-8, which is what Mesos compares bytes with."""
        return "Basic " + base64.b64encode(f"{self.principal}:{self.secret}".encode()).decode("ascii")

    def refresh(self) -> bool:
        """The pair is all there is."""
        return False

    def refused(self) -> str:
        """Either may be wrong, Mesos does not say which."""
        return (
            f"refused the principal {self.principal!r} or its secret: check --mesos-principal and --mesos-secret-file"
        )


class Token:
    """A token from `provider`, which is called for the first request and again after each 401.

    `scheme` is the word before it: `Bearer` for executors, `token=` without a blank for DC/OS' IAM.
    """

    def __init__(self, provider: Callable[[], str], scheme: str = "Bearer ") -> None:
        self._provider = provider
        self._scheme = scheme
        self._token: str | None = None

    def header(self) -> str | None:
        """The present token."""
        if self._token is None:
            self._token = self._provider()
        return f"{self._scheme}{self._token}"

    def refresh(self) -> bool:
        """Ask the provider again; True when it gave another token."""
        old, self._token = self._token, self._provider()
        return old != self._token

    def refused(self) -> str:
        """Also the newest one."""
        return "refused the token"
