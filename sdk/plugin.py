"""What a framework's author writes, and what the SDK gives him.

A plugin publishes targets (`ServiceSpec`s) whenever they change; the SDK makes them true and keeps them so. The plugin
never sees Mesos. It runs on every process, also on standbys, where it has nothing to publish: when one of those takes
over, nobody knows how old what it knew is. What it stores it must be ready to store twice.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sdk.core.events import ExecutorMessage
from sdk.core.snapshot import Snapshot
from sdk.errors import InvalidSpec
from sdk.frameworks import FrameworkConfig
from sdk.model.ids import AgentId, ExecutorId
from sdk.model.records import PodRecord
from sdk.model.spec import ServiceSpec
from sdk.plan.policies import Policy
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
    destroy_volumes: bool = False
    """Whether an uninstall destroys all persistent volumes; if not, it says which stay where."""


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
        """Say what is wrong with single services, sentence by name, instead of what was reported before. For users."""

    @property
    def services(self) -> frozenset[str] | None:
        """Names of the services that are there or wanted, None while this process is not in charge. Cheap."""

    def fill_in(self, words: Mapping[str, str]) -> None:
        """Have each of `words` in commands and URIs of specs replaced when this process launches, like `ADVERTISED`.

        For what is no part of a task though processes differ in it. What is launched before this call keeps the words.
        """

    def plan_policies(self, policies: Mapping[str, Policy]) -> None:
        """Register what orders deploy and recovery of services whose `ServiceSpec.policy` has that name.

        They run within decisions: pure functions of what they are given. In `Plugin.start`, on every process.
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


class Targets(Protocol):
    """Where a plugin says what its services should be, from when its process took charge until it lost it.

    Each spec is checked as a whole, and copied. One that breaks rules changes nothing, and why is shown with the path
    of each field; other services do not notice. An object that was taken is not looked at again: what changes is
    published as a new one. Without effect once this process is in charge no more, also when it takes charge again.
    From any thread.
    """

    def publish(self, spec: ServiceSpec) -> None:
        """Have the service be like this. Raises InvalidSpec, with every problem of the spec."""

    def withdraw(self, name: str) -> None:
        """Have the service removed from the cluster."""

    def publish_all(
        self, services: Mapping[str, ServiceSpec], *, keep: Collection[str] = ()
    ) -> Mapping[str, InvalidSpec]:
        """Have exactly these services, and those named in `keep` as they were published last.

        A service that is in neither is removed from the cluster, so call it only when all names are known: that is how
        services go that were withdrawn while no process was there to hear it. Returns those that were refused.
        """


class Plugin(Protocol):
    """A framework. Made without arguments, once per process.

    Whoever derives from this class writes only the methods that he needs; `took_charge` is always one of them.
    """

    def start(self, host: Host) -> None:
        """Get ready. Called once, on every process; must return soon."""

    def stop(self) -> None:
        """End what `start` and `took_charge` began."""

    def blueprints(self, host: Host) -> "Sequence[Blueprint]":  # noqa: ARG002 - for those that have some
        """Routes of the plugin's own; called before `start`. Their names must be unique per framework."""
        return ()

    def took_charge(self, targets: Targets) -> None:
        """This process is in charge now: read anew what services should be; publish it here, then and at each change.

        What is stored holds until then. Another process may have been given newer targets than this one has seen, and
        carried them out; old ones would remove what runs. So only what is read after this call may be published to
        `targets`. On the runner's thread: must return soon; called again after a while when it raises.
        """

    def on_change(self) -> None:
        """Something changed, an update of a task for example; `Host.services` and `Host.snapshot` tell what is there.

        On the runner's thread, after each batch of events: must return at once.
        """

    def uninstalled(self) -> None:
        """The framework is gone from Mesos; remove what the plugin stored itself. On the process in charge only."""
