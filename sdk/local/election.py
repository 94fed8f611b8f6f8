"""The election of the leading master in ZooKeeper, as Mesos does it: every master has a node, the lowest number leads.

Knows the nodes and what they hold. Tells the master when it leads and whom to follow; calls come from kazoo's threads.
"""

import json
import re
import time
from collections.abc import Callable

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from sdk import zookeeper_address
from sdk.local.core.wire import Json
from sdk.local.zookeeper_client import client

_PATIENCE = 5.0
_NODE = re.compile(r"^json\.info_\d{10}$")


class Election:
    """One master's part in the election. A lost session joins anew, at the end of the queue.

    While ZooKeeper is away the last known leader stays: a single master works on, and of several none can be elected
    anyway.
    """

    def __init__(
        self,
        url: str,
        info: Json,
        *,
        timeout: float,
        lead: Callable[[], object],
        follow: Callable[[str | None], object],
    ) -> None:
        address = zookeeper_address.parse(url)
        self._path = address.path or "/"
        # Real masters print the keys of this node in alphabetical order.
        self._content = json.dumps(info, sort_keys=True, separators=(",", ":")).encode()
        self._lead = lead
        self._follow = follow
        self._own: str | None = None
        self._joined = False
        self._hosts = address.ensemble
        self._timeout = timeout
        self._client = client(self._hosts, timeout)

    def start(self) -> None:
        """Connect in the background, join whenever there is a session without our node."""

        def listener(state: str) -> None:
            if state == KazooState.LOST:
                self._joined = False
            elif state == KazooState.CONNECTED:
                self._client.handler.spawn(self._join)

        self._client.add_listener(listener)
        self._client.start_async()

    def _join(self) -> None:
        if not self._joined:
            self._joined = True
            created = self._client.retry(
                self._client.create, f"{self._path}/json.info_", self._content, ephemeral=True, sequence=True,
                makepath=True,
            )  # fmt: skip
            self._own = str(created).rpartition("/")[2]
        self._look(None)

    def _look(self, _event: object) -> None:
        """Find out who leads, and hear of the next change."""
        try:
            names = sorted(filter(_NODE.match, self._client.get_children(self._path, watch=self._look)))
            if not names:
                self._follow(None)
            elif names[0] == self._own:
                self._lead()
            else:
                address = json.loads(self._client.get(f"{self._path}/{names[0]}")[0])["address"]
                self._follow(f"{address['hostname']}:{address['port']}")
        except NoNodeError:
            # It went away between the two requests: its end is an event of its own.
            return
        except KazooException:
            # The connection is lost: the next one looks again.
            return

    def expire(self) -> Json:
        """Let ZooKeeper end our session, as it does with one that it has not heard of for too long; what it was.

        Who has id and password of a session can end it: a second connection does. OSError when there is none to end.
        """
        session, node = self._client.client_id, self._own
        if session is None or not self._client.connected:
            raise OSError("this master is not connected to ZooKeeper: there is no session to expire")
        deadline = time.monotonic() + _PATIENCE
        # The first connection ends when the second takes the session over, and may be back before that one closed it.
        while self._client.client_id == session:
            if time.monotonic() > deadline:
                raise OSError(f"ZooKeeper on {self._hosts} did not end the session within {_PATIENCE:g} s")
            self._close(session)
            again = time.monotonic() + 1.0
            while self._client.client_id == session and time.monotonic() < again:
                time.sleep(0.01)
        return {"session": f"{session[0]:#x}", "node": node}

    def _close(self, session: tuple[int, bytes]) -> None:
        second = KazooClient(hosts=self._hosts, timeout=self._timeout, client_id=session)
        try:
            second.start(timeout=_PATIENCE)
        except KazooTimeoutError as error:
            raise OSError(f"ZooKeeper on {self._hosts} does not answer: {error}") from error
        finally:
            second.stop()
            second.close()

    def stop(self) -> None:
        """Take the node away at once."""
        self._client.stop()
        self._client.close()
