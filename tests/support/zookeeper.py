"""The real ZooKeeper for tests: one server per run, a root of its own per test."""

from sdk.local.zookeeper import ZooKeeperServer

__all__ = ["ZooKeeperServer"]
