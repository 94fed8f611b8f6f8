"""What a framework's author writes, and what the SDK gives him.

A plugin publishes wishes (`ServiceSpec`s by name) whenever they change; the SDK makes them true and keeps them so. The
plugin never sees Mesos. It runs on every process, also on standbys, where it has nothing to wish for: when one of those
takes over, nobody knows how old what it knew is. What it stores it must be ready to store twice.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sdk.core.events import ExecutorMessage
from sdk.core.snapshot import Snapshot
from sdk.frameworks import FrameworkConfig
from sdk.model.ids import AgentId, ExecutorId
from sdk.model.records import PodRecord
from sdk.model.spec import ServiceSpec
from sdk.storage.connection import ZooKeeper

if TYPE_CHECKING:  # flask stays out of processes that serve no HTTP
    from flask import Blueprint

ADVERTISED = "{advertised}"
"""Stands in commands and URIs of specs for `HostSettings.advertised_url` of the process that launches: the address of
the leader is no part of what a task is, and must not relaunch it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What the process was started with, as far as plugins need it."""

    framework: FrameworkConfig
    zk: str
    """The ZooKeeper ensemble, `host:port[,host:port]`, as tasks can reach it too."""
    zk_root: str
    advertised_url: str
    """Base URL of this framework's HTTP routes, as agents reach it; no slash at the end."""
    replace_after: float = 60.0
    """Default of `RecoveryPolicy.replace_after`, in seconds."""
    replacements_at_once: int = 5
    """How many instances of lost or leaving agents may be on their way to another one, in the whole framework."""


class Host(Protocol):
    """The SDK as a plugin sees it. All methods may be called from any thread."""

    @property
    def settings(self) -> HostSettings:
        """What the process was started with."""

    @property
    def zookeeper(self) -> ZooKeeper:
        """The process's connection; keep below `settings.zk_root`, and out of `frameworks/` there."""

    @property
    def leading(self) -> bool:
        """Whether this process is in charge now."""

    def report(self, problems: Mapping[str, str]) -> None:
        """Say what is wrong with single wishes, sentence by name; replaces what was reported before. Shown to users."""

    @property
    def services(self) -> frozenset[str] | None:
        """Names of the services that are there or wished for, None while this process is not in charge. Cheap."""

    def fill_in(self, words: Mapping[str, str]) -> None:
        """Have each of `words` in commands and URIs of specs replaced when this process launches, like `ADVERTISED`.

        For what is no part of a task though processes differ in it. What is launched before this call keeps the words.
        """

    def snapshot(self) -> Snapshot | None:
        """The framework as it is, None while this process is not in charge. Costs more, the more there is."""

    def records(self, service: str) -> Sequence[PodRecord]:
        """The instances of one service as they are; none while this process is not in charge. Cheap."""

    def hear(self, hearer: Callable[[ExecutorMessage], None]) -> None:
        """Have what executors of the framework say told to `hearer`, while this process is in charge.

        Mesos tells from which executor on which agent a message is; nobody else can say it in its name, unless he gets
        at the agent. On the thread that reads the stream: it must return at once.
        """

    def tell(self, agent_id: AgentId, executor_id: ExecutorId, data: bytes) -> None:
        """Say something to an executor; raises SdkError when it did not go, or perhaps not.

        Mesos does not store it nor show it, and loses it when the executor is not to be reached right now: whoever
        needs it has to say so. It crosses the network as everything of Mesos does, in clear unless that speaks TLS.
        """


class Wishes(Protocol):
    """Where a plugin says what it wishes for, from when its process took charge until it lost it."""

    def publish(self, services: Mapping[str, ServiceSpec], *, keep: Collection[str] = ()) -> None:
        """Wish for exactly these services, and for those named in `keep` as they were last wished for.

        A service that is in neither is removed from the cluster, so publish only what is completely known. Each spec is
        taken by itself: one that breaks a rule changes nothing, and its problem is shown with the field's path. Without
        effect once this process is in charge no more, also when it takes charge again. From any thread.
        """


class Plugin(Protocol):
    """A framework. Made without arguments, once per process."""

    def start(self, host: Host) -> None:
        """Get ready. Called once, on every process; must return soon."""

    def stop(self) -> None:
        """End what `start` and `took_charge` began."""

    def blueprints(self, host: Host) -> "Sequence[Blueprint]":
        """Routes of the plugin's own; called before `start`. Their names must be unique per framework."""

    def took_charge(self, wishes: Wishes) -> None:
        """This process is in charge now: read the wishes anew, and publish them here, then and at each change.

        What is stored holds until then. Another process may have been given newer wishes than this one has seen, and
        carried them out; old ones would remove what runs. So only what is read after this call may be published to
        `wishes`. On the runner's thread: must return soon; called again after a while when it raises.
        """

    def on_change(self) -> None:
        """Something changed, an update of a task for example; `Host.services` and `Host.snapshot` tell what is there.

        On the runner's thread, after each batch of events: must return at once.
        """

    def uninstalled(self) -> None:
        """The framework is gone from Mesos; remove what the plugin stored itself. On the process in charge only."""
