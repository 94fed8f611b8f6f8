"""What every store of secrets is, and how it says that it has nothing to give.

    SecretProblem
    ├── StoreAway    the store does not answer, or not in time: worth trying again, and what it gave before still holds
    └── NoSecret     it answered: there is no such secret, or none that could be used
        └── Denied   it answered: this is not for us, or not for the pool

Sentences name the store and the secret, never what the secret is, nor what was shown to the store.
"""

from typing import Protocol

from sdk.errors import SdkError

MOST_BYTES = 256 * 1024
"""Of a secret: chains of certificates have some ten thousand."""


class SecretProblem(SdkError):
    """A secret cannot be had."""


class StoreAway(SecretProblem):
    """The store does not answer as it should."""


class NoSecret(SecretProblem):
    """The store has nothing of use under that name."""


class Denied(NoSecret):
    """Whoever asks may not have it."""


class Store(Protocol):
    """One place with secrets. All methods may be called from any thread, and end within seconds."""

    @property
    def name(self) -> str:
        """What people know it by, such as `the folder /etc/edgelb/secrets`."""

    def read(self, secret: str) -> bytes:
        """What the secret is now, from 1 to `MOST_BYTES` bytes; raises SecretProblem.

        `secret` is a name that `names.problem` finds nothing wrong with.
        """

    def check(self) -> None:
        """Whether secrets could be read; raises SecretProblem. Reads none."""


def usable(value: bytes, secret: str, store: str) -> bytes:
    """The value, if it is one; raises NoSecret."""
    if not value:
        raise NoSecret(f"{secret} in {store} is empty")
    if len(value) > MOST_BYTES:
        raise NoSecret(f"{secret} in {store} has more than {MOST_BYTES} bytes")
    return value
