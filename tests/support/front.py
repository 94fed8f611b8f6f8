"""What stands in front of several load balancers, and never sends a request twice.

It asks each for its health and sends requests to those that are well, over connections that it keeps for a while. A
request that was sent and got no whole answer with status 200 is a failure.
"""

import http.client
import random
import select
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple

_CHECK_EVERY = 0.1
_TIMEOUT = 20.0
# Shorter than the time after which a load balancer closes a connection on which nothing is asked.
_KEEP = 0.5


class Target(NamedTuple):
    """A load balancer, on loopback unless it says otherwise: the port of its frontend, and that of its health."""

    port: int
    stats: int
    host: str = "127.0.0.1"


class Front:
    """Several clients at once, each with one request under way at a time. `targets` tells the load balancers of now."""

    def __init__(self, targets: Callable[[], Sequence[Target]], paths: Sequence[str] = ("/", "/", "/?delay=1")) -> None:
        self._targets = targets
        self._well: tuple[Target, ...] = ()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._check, name="health")]
        self._threads += [threading.Thread(target=self._ask, args=(path,), name=f"client of {path}") for path in paths]
        self.requests = 0
        self.failures: list[str] = []

    @property
    def well(self) -> tuple[Target, ...]:
        """Those that said so when they were asked last."""
        return self._well

    def __enter__(self) -> "Front":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Requests under way end."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _check(self) -> None:
        while not self._over.wait(_CHECK_EVERY):
            self._well = tuple(target for target in self._targets() if _is_well(target))

    def _ask(self, path: str) -> None:
        kept: dict[Target, tuple[http.client.HTTPConnection, float]] = {}
        while not self._over.wait(0.01):
            if not self._well:
                continue
            target = random.choice(self._well)
            connection = _fresh(*kept.pop(target, (None, 0.0))) or http.client.HTTPConnection(
                target.host, target.port, timeout=_TIMEOUT
            )
            failure = _request(connection, path)
            with self._lock:
                self.requests += 1
                if failure is not None:
                    self.failures.append(f"{path} of {target}: {failure}")
            if connection.sock is not None:
                kept[target] = connection, time.monotonic()
        for connection, _ in kept.values():
            connection.close()


def _is_well(target: Target) -> bool:
    connection = http.client.HTTPConnection(target.host, target.stats, timeout=2)
    try:
        connection.request("GET", "/_haproxy_health_check")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _fresh(connection: http.client.HTTPConnection | None, since: float) -> http.client.HTTPConnection | None:
    """The connection if something may still be asked on it."""
    if connection is None or connection.sock is None:
        return None
    if time.monotonic() - since < _KEEP and not select.select([connection.sock], [], [], 0)[0]:
        return connection
    connection.close()
    return None


def _request(connection: http.client.HTTPConnection, path: str) -> str | None:
    """What went wrong; None when nothing did."""
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return f"{type(error).__name__}: {error}"
    return None if answer.status == 200 else f"status {answer.status}"
