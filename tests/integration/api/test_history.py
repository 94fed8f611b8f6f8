"""The states that pools had: kept, listed, shown, and made the pool's state again."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.cli.exits import Exit
from api.client.client import ApiClient
from api.client.errors import ApiError
from api.client.pool_history import PoolHistoryClient
from scheduler.pools.schema import load_pool
from scheduler.pools.stored import history as kept
from scheduler.pools.stored.history import Lost, PoolHistory
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper
from tests.integration.api.test_cli import Run, no_server_logs, rows, run
from tests.support.pools import minimal

pytestmark = pytest.mark.integration
__all__ = ["no_server_logs", "run"]


def pool(name: str = "web", **fields: Any) -> dict[str, Any]:
    """A pool of that name."""
    return minimal() | {"name": name} | fields


def store_with_history(connection: ZooKeeper, root: str) -> tuple[PoolStore, PoolHistory]:
    """As the API has them."""
    states = PoolHistory(connection, root)
    return PoolStore(connection, root, history=states), states


def test_the_history_says_who_changed_what_and_when(run: Run) -> None:
    """The newest first; what was not changed is not named."""
    run("create", "-", stdin=json.dumps(pool()))
    run("update", "-", stdin=json.dumps(pool(count=2)))
    run("update", "-", stdin=json.dumps(pool(count=2, cpus=0.7)))
    header, third, second, first = rows(run("history", "web").stdout)
    assert header == ["VERSION", "WRITTEN", "AUTHOR", "CHANGES"]
    assert [third[0], second[0], first[0]] == ["3", "2", "1"]
    assert [third[3], second[3], first[3]] == ["cpus", "count", "created"]
    assert third[1].endswith("+00:00")
    assert json.loads(run("history", "web", "2").stdout)["cpus"] != 0.7
    assert "has no version 9 that is kept; there are 3, 2, 1" in run("history", "web", "9", code=Exit.NOT_FOUND).stderr


def test_a_pool_goes_back_and_forth(run: Run, server: str) -> None:
    """Each way is a new version; without a version it is the last state that differs."""
    client = ApiClient(server)
    run("create", "-", stdin=json.dumps(pool()))
    run("update", "-", stdin=json.dumps(pool(count=3)))
    run("update", "-", stdin=json.dumps(pool(count=3)))  # changes nothing

    assert "web changes:\n  pool.count: 3 -> 1" in run("rollback", "web", "--dry-run").stdout
    assert client.pool("web").pool["count"] == 3
    assert run("rollback", "web").stdout == "pool web is as it was at version 1\n"
    assert client.pool("web").pool["count"] == 1
    assert run("rollback", "web", "2").stdout == "pool web is as it was at version 2\n"
    assert client.pool("web").pool["count"] == 3
    assert (client.pool("web").tag or "").endswith("-5")


def test_a_state_that_differs_in_what_is_not_shown_is_the_one_before(
    run: Run, connection: ZooKeeper, zk_root: str
) -> None:
    """Going back undoes the last change, not the one before that as well."""
    run("create", "-", stdin=json.dumps(pool(environmentVariables={"ELB_FILE_KEY": "one"})))
    run("update", "-", stdin=json.dumps(pool(count=2, environmentVariables={"ELB_FILE_KEY": "one"})))
    run("update", "-", stdin=json.dumps(pool(count=2, environmentVariables={"ELB_FILE_KEY": "two"})))
    assert rows(run("history", "web").stdout)[1][3] == "the order of its parts, or a value that is not shown"
    assert run("rollback", "web").stdout == "pool web is as it was at version 2\n"
    found = PoolStore(connection, zk_root).get("web")
    assert found is not None
    assert (found.pool.count, [one.value for one in found.pool.environment]) == (2, ["one"])


def test_a_damaged_pool_is_mended_by_its_last_state(run: Run, server: str, connection: ZooKeeper, zk_root: str) -> None:
    """It is there, so nothing is created; what it was is still known."""
    run("create", "-", stdin=json.dumps(pool()))
    run("update", "-", stdin=json.dumps(pool(count=2)))
    connection.put(f"{zk_root}/pools/web", b"damaged")
    assert "cannot be read" in run("history", "web").stdout
    assert run("rollback", "web").stdout == "pool web is as it was at version 1\n"
    assert ApiClient(server).pool("web").pool["count"] == 1


def test_a_pool_that_somebody_made_anew_is_not_overwritten(server: str) -> None:
    """Whoever brings back what is gone says so."""
    client = ApiClient(server)
    client.create(pool())
    client.delete("web")
    states = PoolHistoryClient(client)
    [gone] = states.all("web")
    client.create(pool(count=5))
    with pytest.raises(ApiError) as refused:
        states.rollback("web", gone["revision"])
    assert refused.value.status == 412
    assert client.pool("web").pool["count"] == 5
    assert states.rollback("web", gone["revision"], etag="*").pool["count"] == 1


def test_a_deleted_pool_comes_back_with_what_is_never_shown(
    run: Run, server: str, connection: ZooKeeper, zk_root: str
) -> None:
    """As another pool of that name: whoever holds a tag of the old one changes nothing of it."""
    hidden = {"environmentVariables": {"ELB_FILE_KEY": "one"}}
    run("create", "-", stdin=json.dumps(pool(**hidden)))
    run("delete", "web")
    assert "one" not in run("history", "web", "1").stdout
    assert run("rollback", "web").stdout == "pool web is as it was at version 1\n"
    found = PoolStore(connection, zk_root).get("web")
    assert found is not None
    assert [variable.value for variable in found.pool.environment] == ["one"]
    assert [row[0] for row in rows(run("history", "web").stdout)[1:]] == ["1", "1"]


def test_a_rollback_is_judged_as_any_other_change(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """What no state is, what somebody changed meanwhile, and what breaks a rule by now."""
    store, _ = store_with_history(connection, zk_root)
    earlier = store.create(load_pool(pool(count=1)))
    store.replace(load_pool(pool(count=2)))
    path = "/v2/pools/web/rollback"
    first = {"revision": str(earlier.revision)}

    assert client.post(path, json={"revision": "x-1"}).status_code == 404
    for body in ({}, {"revision": 1}, {"revision": "a", "more": 1}, [], "x"):
        answer = client.post(path, json=body)
        assert answer.status_code == 400, body
        assert "history" in answer.json["message"]
    assert client.post(path, json=first, headers={"If-Match": f'"{earlier.revision}"'}).status_code == 412
    assert client.post(path, json=first, headers={"If-Match": '"other-1"'}).status_code == 412
    assert client.post(path, json=first).json["count"] == 1
    assert client.get("/v2/pools/nobody/history").status_code == 404
    assert client.get("/v2/pools/..%2Fx/history").status_code == 404
    assert client.post("/v2/pools/nobody/rollback", json=first).status_code == 404


def test_only_the_last_states_are_kept(connection: ZooKeeper, zk_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a pool, and of pools that are gone; the states of those that are there stay."""
    monkeypatch.setattr(kept, "MOST", 3)
    monkeypatch.setattr(kept, "MOST_GONE", 2)
    store, states = store_with_history(connection, zk_root)
    for name in ("a", "b", "c", "d"):
        store.create(load_pool(pool(name)))
        for count in range(2, 7):
            store.replace(load_pool(pool(name, count=count)))
        assert [one.version for one in states.states(name) if not isinstance(one, Lost)] == [5, 4, 3]
        if name != "a":
            store.delete(name)
    store.create(load_pool(pool("e")))
    store.delete("e")
    assert len(states.states("a")) == 3
    assert states.states("b") == []
    assert [bool(states.states(name)) for name in ("c", "d", "e")].count(True) == 2
    assert states.states("e")


def test_large_pools_and_their_parts_come_back(connection: ZooKeeper, zk_root: str) -> None:
    """A text that stands beside its node is kept as well."""
    store, states = store_with_history(connection, zk_root)
    backend = pool()["haproxy"]["backends"][0]
    large = pool()
    large["haproxy"]["backends"] = [backend | {"name": f"backend-{index:04d}" * 8} for index in range(1200)]
    large["haproxy"]["frontends"][0]["linkBackend"] = {"defaultBackend": large["haproxy"]["backends"][0]["name"]}
    first = store.create(load_pool(large))
    assert connection.children(f"{zk_root}/pools/web/parts")
    store.replace(load_pool(pool()))
    (found,) = states.states("web")
    assert not isinstance(found, Lost)
    assert found.pool == first.pool


def test_a_state_that_cannot_be_read_is_told_and_hides_no_other(run: Run, connection: ZooKeeper, zk_root: str) -> None:
    """Whatever is wrong with it."""
    run("create", "-", stdin=json.dumps(pool()))
    run("update", "-", stdin=json.dumps(pool(count=2)))
    for number, data in enumerate((b"", b"nonsense", b"x\x9c" + b"\0" * 9)):
        connection.create(f"{zk_root}/history/web/00000000000000{number}-u-{number}", data)
    told = run("history", "web").stdout
    assert told.count("cannot be read") == 3
    assert [row[0] for row in rows(told)[1:3]] == ["2", "1"]
    assert run("rollback", "web").stdout == "pool web is as it was at version 1\n"
