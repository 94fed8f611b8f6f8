"""The sign of life of a template process: an ephemeral node that its working loop brings up to date itself.

Knows the node below `<root>/processes/template`, what stands in it and how often. The API server concludes from it
whether changes of tasks reach the load balancers; see api/observed/liveness.py for what makes it doubt.
"""

from collections.abc import Callable

from api.mesos_listener.client import Feed
from api.observed.pulse import Pulse, encode_pulse, pulse_path
from sdk.clock import Clock
from sdk.storage.connection import Ephemeral, ZooKeeper

#: Seconds between two beats; a change of the listener is told at once.
BEAT = 3.0


class Heartbeat:
    """One thread uses it: the one whose loop it speaks for."""

    def __init__(self, zookeeper: ZooKeeper, root: str, identity: str, feed: Callable[[], Feed], clock: Clock) -> None:
        self._zookeeper = zookeeper
        self._path = pulse_path(root, identity)
        self._feed = feed
        self._clock = clock
        self._node: Ephemeral | None = None
        self._beat = 0
        self._at = float("-inf")
        self._told: tuple[str, bool, str, bool] | None = None

    def turned(self) -> None:
        """The loop came round: write a beat when one is due."""
        now, feed = self._clock.monotonic(), self._feed()
        telling = (feed.target, feed.connected, feed.why_not, feed.kept > 0)
        if now < self._at + BEAT and telling == self._told:
            return
        self._at, self._told = now, telling
        self._beat += 1
        data = encode_pulse(
            Pulse(
                beat=self._beat,
                listener=feed.target,
                connected=feed.connected,
                why_not=feed.why_not,
                silence=None if feed.heard is None else now - feed.heard,
                mesos_silence=None if feed.mesos_heard is None else now - feed.mesos_heard,
                kept=feed.kept,
            )
        )
        if self._node is None:
            self._node = self._zookeeper.keep_ephemeral(self._path, data)
        else:
            self._node.set(data)
