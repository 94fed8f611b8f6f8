"""What the listener uses of a client of Mesos' operator API."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from sdk.mesos.recordio import Piece


class Records(Protocol):
    """What is used of one subscription."""

    def pieces(self) -> Iterable[Piece]:
        """What the master says; raises an SdkError when that has ended badly."""

    def set_heartbeat(self, interval: float | None) -> None:
        """How often the master says something at least, in seconds."""


class OperatorStream(Protocol):
    """What is used of the operator client."""

    def subscription(self) -> AbstractContextManager[Records]:
        """Subscribe once; raises an SdkError when that cannot be had."""

    def close(self) -> None:
        """End all subscriptions."""
