"""The pools' plugin and what it does when the framework changes."""

from types import SimpleNamespace
from typing import Any

from scheduler.plugin import EdgeLB
from sdk.frameworks import parse_frameworks
from sdk.plugin import HostSettings
from tests.support.wait import wait_until


class Nodes:
    """ZooKeeper as the plugin uses it: pools and status folders, and how often somebody looked at the latter."""

    def __init__(self) -> None:
        self.pools: list[str] = []
        self.folders = ["old"]
        self.looks = 0
        self.watchers: list[Any] = []

    def watch_children(self, path: str, callback: Any) -> Any:
        self.watchers.append(callback)
        callback(self.pools)
        return SimpleNamespace(close=lambda: None)

    def children(self, path: str) -> list[str]:
        self.looks += 1
        return list(self.folders)

    def delete(self, path: str) -> bool:
        self.folders.remove(path.rpartition("/")[2])
        return True


class Host:
    """A process in charge."""

    def __init__(self) -> None:
        entry = {"name": "edgelb", "plugin": "scheduler.plugin:EdgeLB", "roles": ["r"]}
        framework = parse_frameworks({"frameworks": [entry]})[0]
        self.settings = HostSettings(framework=framework, zk="zk:2181", zk_root="/edgelb", advertised_url="http://x")
        self.zookeeper = Nodes()
        self.services: frozenset[str] | None = frozenset({"old"})
        self.leading = True
        self.published: list[Any] = []

    def report(self, problems: object) -> None:
        pass

    def hear(self, hearer: object) -> None:
        pass

    def plan_policies(self, policies: object) -> None:
        raise NotImplementedError

    def fill_in(self, words: object) -> None:
        pass

    def records(self, service: str) -> tuple[object, ...]:
        return ()

    def publish_all(self, services: object, *, keep: object = ()) -> None:
        self.published.append(services)


def test_leftovers_are_looked_for_when_a_service_is_gone_and_not_at_every_change() -> None:
    """An update of a task costs no look at ZooKeeper, and no snapshot: the host has none here."""
    host, plugin = Host(), EdgeLB()
    plugin.start(host)  # type: ignore[arg-type]
    plugin.took_charge(host)
    wait_until(lambda: host.zookeeper.looks == 1, what="the look that follows the pools")
    plugin.on_change()
    wait_until(lambda: host.zookeeper.looks == 2, what="the look at the services")
    for _ in range(100):
        plugin.on_change()
    assert host.zookeeper.folders == ["old"]
    host.services = frozenset()
    plugin.on_change()
    wait_until(lambda: host.zookeeper.folders == [], what="the folder is removed")
    assert host.zookeeper.looks == 3
    plugin.stop()
