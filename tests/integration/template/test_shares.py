"""Shares of services on a real HAProxy: what the selection tells, and what clients see."""

from collections import Counter
from pathlib import Path

import pytest

from api.dcos_template.rendering.build import build_config
from api.dcos_template.selecting.selection import Selection
from api.dcos_template.selecting.servers import server_of
from api.dcos_template.selecting.touched import BackendKey
from api.mesos_listener.task import Port
from pool_executor.contract import parse_marker
from pool_executor.lbmgr.haproxy.runtime import capabilities
from pool_executor.lbmgr.servers.way import Orders, way
from pool_executor.lbmgr.structure.content import ServerRef
from scheduler.pools.model import MesosSelector, Pool, Service
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.ports import free_port
from tests.unit.api.dcos_template.pools import backend, frontend, pool, task

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]

APP = BackendKey("web", "app")
NAMES = ("blue-1", "blue-2", "blue-3", "green-1", "green-2")


def shape(blue: int, green: int) -> Pool:
    services = [
        Service(mesos=MesosSelector(task_name=name), percent=percent)
        for name, percent in (("blue", blue), ("green", green))
    ]
    return pool("web", frontend("web", "app"), backend("app", *services), *(backend(name) for name in NAMES))


def test_clients_are_shared_by_percents_while_servers_come_and_go(binary: str, tmp_path: Path) -> None:
    """Without a reload: what differs is told as lbmgr tells it, and none of it needs one."""
    ports = {name: free_port() for name in ("app", *NAMES)}
    tasks = {
        name: task(
            name, name=name.partition("-")[0], agent_address="127.0.0.1", ports=(Port(name="web", number=ports[name]),)
        )
        for name in NAMES
    }
    selection = Selection()
    selection.set_pool(shape(75, 25))
    selection.update([tasks["blue-1"], tasks["green-1"]], ())
    before = {one.name: server_of(one, None, ()) for one in selection.backends.endpoints_of(APP)}
    haproxy = Haproxy(
        tmp_path,
        shape(75, 25),
        {"app": selection.backends.endpoints_of(APP), **dict.fromkeys(NAMES, ())},
        binary=binary,
        answers=ports,
    )
    [model] = [one for one in build_config(haproxy.shape).backends if one.name == "app"]
    facts = parse_marker(model.marker)
    assert facts is not None

    def shared() -> dict[str, int]:
        """Who answers to 100 requests, after HAProxy was told what the selection says now."""
        now = {one.name: server_of(one, before.get(one.name), ()) for one in selection.backends.endpoints_of(APP)}
        for name in (*(before.keys() - now.keys()), *now):
            orders = way(ServerRef("app", name), facts, capabilities("2.6"), before.get(name), now.get(name), None)
            assert isinstance(orders, Orders | None), orders
            for line in (*orders.lines, *orders.then) if orders else ():
                haproxy.command(line)
        before.clear()
        before.update(now)
        found = Counter(haproxy.get("web", "/")[1].partition("-")[0] for _ in range(100))
        return dict(found)

    try:
        assert shared() == pytest.approx({"blue": 75, "green": 25}, abs=2)
        selection.update([tasks["green-2"]], ())
        assert shared() == pytest.approx({"blue": 75, "green": 25}, abs=2)
        selection.update([tasks["blue-2"], tasks["blue-3"]], [tasks["green-1"].key])
        assert shared() == pytest.approx({"blue": 75, "green": 25}, abs=2)
        selection.set_pool(shape(0, 100))
        assert shared() == {"green": 100}
        selection.update([], [tasks["green-2"].key])
        selection.set_pool(shape(90, 10))
        assert shared() == {"blue": 100}
    finally:
        haproxy.stop()
