"""Which master to ask: a fixed list, or the leader that the masters elect in ZooKeeper.

Knows where Mesos writes its leader. Does not connect to masters.
"""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import structlog

from sdk import zookeeper_address
from sdk.errors import InvalidSpec
from sdk.mesos.endpoint import Endpoint, parse_list
from sdk.storage.connection import ZooKeeper, connect

_log = structlog.get_logger()
_CANDIDATE = re.compile(r"json\.info_(\d+)")


class Masters(Protocol):
    """A source of masters."""

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to look; `on_change` runs, on any thread, when the answer of `leader` may have changed."""

    def candidate(self) -> Endpoint | None:
        """The master to try now; None when none is known. A fixed list gives the next one each time."""

    def leader(self) -> Endpoint | None:
        """The master that is known to lead; None when this source does not know."""

    def known(self) -> tuple[Endpoint, ...]:
        """All masters worth asking now."""

    def stop(self) -> None:
        """Stop looking."""


class FixedMasters:
    """A list that is tried in turn; the masters redirect to their leader."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._endpoints = endpoints
        self._turn = itertools.cycle(endpoints)

    def start(self, on_change: Callable[[], None]) -> None:
        """Nothing changes here."""

    def candidate(self) -> Endpoint | None:
        """The next in turn."""
        return next(self._turn)

    def leader(self) -> Endpoint | None:
        """Not known."""
        return None

    def known(self) -> tuple[Endpoint, ...]:
        """The list."""
        return self._endpoints

    def stop(self) -> None:
        """Nothing to stop."""


class ZooKeeperMasters:
    """The leader is the candidate with the lowest sequence number below the masters' path.

    While ZooKeeper is away the last leader stays the answer: it may well lead on. When the masters' nodes are gone, or
    begin again at sequence 0 because ZooKeeper was wiped, that is told like any other change.
    """

    def __init__(self, uri: str, *, scheme: str = "http", session_timeout: float = 6.0) -> None:
        address = zookeeper_address.parse(uri, "master")
        if not address.path:
            raise InvalidSpec("master", "a ZooKeeper address has the form zk://host:port[,host:port]/path")
        self._hosts = replace(address, path="")
        self._path = address.path
        self._scheme = scheme
        self._session_timeout = session_timeout
        self._zookeeper: ZooKeeper | None = None
        self._leader: Endpoint | None = None
        self._node: tuple[str, int] | None = None
        """Its candidate, by name and creation: a master that was started again at its old address has another one."""
        self._on_change: Callable[[], None] = lambda: None

    def start(self, on_change: Callable[[], None]) -> None:
        """Connect, and watch from then on."""
        self._on_change = on_change
        self._zookeeper = connect(self._hosts, session_timeout=self._session_timeout)
        self._zookeeper.watch_children(self._path, self._candidates_changed)

    def candidate(self) -> Endpoint | None:
        """The leader."""
        return self._leader

    def leader(self) -> Endpoint | None:
        """The leader."""
        return self._leader

    def known(self) -> tuple[Endpoint, ...]:
        """The leader."""
        return (self._leader,) if self._leader else ()

    def stop(self) -> None:
        """End the session."""
        if self._zookeeper is not None:
            self._zookeeper.close()

    def _candidates_changed(self, names: list[str] | None) -> None:
        assert self._zookeeper is not None
        numbered = sorted((int(match[1]), name) for name in names or [] if (match := _CANDIDATE.fullmatch(name)))
        found: Endpoint | None = None
        candidate: tuple[str, int] | None = None
        for _, name in numbered:
            node, stat = self._zookeeper.get(f"{self._path}/{name}"), self._zookeeper.stat(f"{self._path}/{name}")
            if node is None or stat is None:
                continue  # it ended between the list and now; the next one leads, and another change is on its way
            candidate = (name, stat.created)
            found = master_endpoint(node[0], self._scheme)
            if found is None:
                _log.error("A master's node in ZooKeeper does not say where the master listens", node=name)
            break
        if (found, candidate) != (self._leader, self._node):
            self._leader, self._node = found, candidate
            _log.info("The leading master is known" if found else "There is no leading master", master=str(found))
            self._on_change()


def master_endpoint(data: bytes, scheme: str = "http") -> Endpoint | None:
    """The address in a MasterInfo as it stands in ZooKeeper; None when it has none.

    With TLS the host name, since certificates name it; else the IP, which needs no resolver.
    """
    try:
        address = json.loads(data)["address"]
        host = (address.get("hostname") or address["ip"]) if scheme == "https" else address["ip"]
        return Endpoint(str(host), int(address["port"]), scheme)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def masters(uri: str, *, scheme: str = "http") -> Masters:
    """The source for `zk://host:port[,..]/path`, `http(s)://host:port` or `host:port[,host:port]`."""
    if uri.startswith(("zk://", "zoo://")):
        return ZooKeeperMasters(uri, scheme=scheme)
    return FixedMasters(parse_list(uri, scheme=scheme))
