"""Template processes that make pools of labels, on a real ZooKeeper, fed by a real listener over gRPC."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from api.auto_pools.templates.template_store import TemplateStore
from api.auto_pools.thread.context import Rules
from scheduler.pools.model import Pool
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper
from tests.integration.listener.test_taskinfo import Listener, fetch
from tests.support.template_fixtures import Process, expects_errors, listener, logged, process
from tests.support.template_process import Template
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer
from tests.unit.api.mesos_listener import messages as m

__all__ = ["expects_errors", "listener", "logged", "process"]  # fixtures

GRACE = 0.5


class Tree:
    """What stands in ZooKeeper."""

    def __init__(self, session: ZooKeeper, root: str) -> None:
        self.session, self.root = session, root
        self.pools, self.templates = PoolStore(session, root), TemplateStore(session, root)

    def stored(self, name: str = "auto-default") -> StoredPool:
        found = self.pools.get(name)
        assert found is not None, f"no pool {name}"
        return found

    def pool(self, name: str = "auto-default") -> Pool:
        return self.stored(name).pool

    def backends(self, name: str = "auto-default") -> dict[str, list[str]]:
        """The applications of each backend."""
        return {
            one.name: [service.marathon.service_id for service in one.services]
            for one in self.pool(name).haproxy.backends
        }

    def has(self, name: str = "auto-default", **backends: str) -> None:
        """Wait until the pool has just these backends, each with its applications."""
        wanted = {group: apps.split() for group, apps in backends.items()}
        wait_until(lambda: self.backends(name) == wanted, 20, f"pool {name} with {wanted}")

    def gone(self, name: str = "auto-default") -> None:
        """Wait until there is no such pool."""
        wait_until(lambda: self.pools.get(name) is None, 20, f"the end of pool {name}")


@pytest.fixture
def tree(connection: ZooKeeper, zk_root: str) -> Tree:
    return Tree(connection, zk_root)


Start = Callable[..., Template]
"""As Process, with these rules of auto pools."""


@pytest.fixture
def start(process: Process) -> Start:
    """Applications without tasks are soon forgotten."""

    def started(listener: Listener, *server: ZooKeeperServer, grace: float = GRACE, **rules: Any) -> Template:
        return process(listener, *server, auto_pools=Rules(grace=grace, **rules))

    return started


@pytest.fixture
def template(start: Start, listener: Listener) -> Template:
    return start(listener)


def status(template: Template, name: str = "default") -> dict[str, Any]:
    """How it stands with the pool of a pool template, as the template process tells it; empty: nothing is known."""
    code, text = fetch(template.health, f"/auto-pools?template={name}")
    assert code == 200
    found: dict[str, Any] = json.loads(text)["pools"].get(f"auto-{name}", {})
    return found


def exposed(task: str, app: str = "shop", host: str = "", **labels: str) -> m.Json:
    """A running task of a Marathon app, which is exposed in a group of its own under `host`."""
    said = {"edgelb.expose": "true", f"edgelb.{app}.frontend.rules": f"hostEq:{host or f'{app}.test'}"}
    said |= {key.replace("__", "."): value for key, value in labels.items()}
    found = unexposed(task, app)
    found["labels"] = {"labels": [{"key": key, "value": value} for key, value in said.items()]}
    return found


def unexposed(task: str, app: str) -> m.Json:
    """A running task of a Marathon app."""
    discovery = {"name": task, "ports": {"ports": [{"number": 31000, "name": "web", "protocol": "tcp"}]}}
    raw = m.task_json(
        task, state="TASK_RUNNING", statuses=[m.status_json("TASK_RUNNING")], discovery=discovery, name=app
    )
    raw["resources"].append(m.ports_json(31000, 33000))
    return raw


def begin(*tasks: m.Json) -> m.Json:
    """These tasks run."""
    return m.subscribed(list(tasks), [m.agent_json("a1")], [m.framework_json("f1", "marathon")])


def ended(task: str) -> m.Json:
    """The task has ended."""
    return m.task_updated(task, m.status_json("TASK_FINISHED"))
