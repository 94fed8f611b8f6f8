"""What a framework's author writes, and what the SDK gives him.

A plugin publishes wishes (`ServiceSpec`s by name) whenever they change; the SDK makes them true and keeps them so. The
plugin never sees Mesos. It runs on every process, also on standbys: what it publishes there is used when that process
takes over, and what it stores it must be ready to store twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sdk.core.snapshot import Snapshot
from sdk.frameworks import FrameworkConfig
from sdk.model.spec import ServiceSpec
from sdk.storage.connection import ZooKeeper

if TYPE_CHECKING:  # flask stays out of processes that serve no HTTP
    from flask import Blueprint

ADVERTISED = "{advertised}"
"""Stands in URIs of specs for `HostSettings.advertised_url` of the process that launches: the address of the leader is
no part of what a task is, and must not relaunch it."""


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

    def publish(self, services: Mapping[str, ServiceSpec], *, keep: Collection[str] = ()) -> None:
        """Wish for exactly these services, and for those named in `keep` as they were last wished for.

        A service that is in neither is removed from the cluster, so publish only what is completely known. Each spec is
        taken by itself: one that breaks a rule changes nothing, and its problem is shown with the field's path.
        """

    def report(self, problems: Mapping[str, str]) -> None:
        """Say what is wrong with single wishes, sentence by name; replaces what was reported before. Shown to users."""

    def snapshot(self) -> Snapshot | None:
        """The framework as it is, None while this process is not in charge."""


class Plugin(Protocol):
    """A framework. Made without arguments, once per process."""

    def start(self, host: Host) -> None:
        """Begin to publish. Called once, on every process; must return soon."""

    def stop(self) -> None:
        """End what `start` began."""

    def blueprints(self, host: Host) -> "Sequence[Blueprint]":
        """Routes of the plugin's own; called before `start`. Their names must be unique per framework."""

    def on_change(self) -> None:
        """The framework changed; `Host.snapshot` tells how. On the runner's thread: must return at once."""

    def uninstalled(self) -> None:
        """The framework is gone from Mesos; remove what the plugin stored itself. On the process in charge only."""
