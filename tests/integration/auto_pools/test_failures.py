"""What becomes of generated pools when processes, Mesos or ZooKeeper are not as they should be."""

from pathlib import Path

import pytest

from api.auto_pools.thread.writer import Refused, Writer
from scheduler.pools.model import Pool, PoolType
from scheduler.pools.stored.own_writings import OwnWritings
from sdk.errors import LeadershipLost
from sdk.storage.connection import ZooKeeper, encode_json
from tests.integration.auto_pools.conftest import Start, Template, Tree, begin, ended, exposed, status
from tests.integration.auto_pools.test_ledger_store import ledger
from tests.integration.listener.test_taskinfo import Listener
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer, session
from tests.unit.api.dcos_template.pools import backend, pool
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration

APPS = ("a1", "b1", "c1", "d1", "e1")
ALL = {app: f"/{app}" for app in APPS}


def tasks(*apps: str) -> list[m.Json]:
    return [exposed(f"{app}.1", app) for app in apps]


def accept(tree: Tree) -> None:
    """As `edgelb accept-removal` does."""
    tree.session.put(f"{tree.root}/rendered/auto-default/acceptance", encode_json({"since": 1.0}))


def forget(listener: Listener, *apps: str) -> None:
    """Mesos names these applications' tasks and no others from now on, without a word about the others."""
    listener.operator.say(begin(*tasks(*apps)))


@pytest.mark.parametrize("left", [(), ("a1",), ("a1", "b1")])
def test_applications_that_mesos_forgets_stay_until_somebody_says_that_they_are_gone(
    tree: Tree, template: Template, listener: Listener, left: tuple[str, ...]
) -> None:
    """An empty cluster deletes no pool; others come in meanwhile."""
    # Most of them are in doubt also beside the one that comes: half of them would be believed gone.
    listener.operator.say(begin(*tasks(*APPS, "f1")))
    tree.has(**ALL, f1="/f1")
    forget(listener, *left)
    wait_until(lambda: "taken to run on" in status(template)["message"], what="the doubt")
    listener.operator.say(m.task_added(exposed("new.1", "new")))
    tree.has(**ALL, f1="/f1", new="/new")
    accept(tree)
    tree.has(**{app: f"/{app}" for app in left}, new="/new")
    wait_until(lambda: status(template)["message"] == "pool has been successfully deployed", what="no more doubt")


def test_a_few_that_mesos_forgets_are_gone(tree: Tree, template: Template, listener: Listener) -> None:
    """They ended while nobody listened."""
    listener.operator.say(begin(*tasks(*APPS)))
    tree.has(**ALL)
    forget(listener, "a1", "b1", "c1", "d1")
    tree.has(**{app: f"/{app}" for app in APPS[:4]})


def test_what_was_in_doubt_is_named_again(tree: Tree, template: Template, listener: Listener) -> None:
    """Nothing has changed."""
    listener.operator.say(begin(*tasks(*APPS)))
    tree.has(**ALL)
    before = tree.stored()
    forget(listener)
    wait_until(lambda: "taken to run on" in status(template)["message"], what="the doubt")
    listener.operator.say(begin(*tasks(*APPS)))
    wait_until(lambda: status(template)["message"] == "pool has been successfully deployed", what="no more doubt")
    assert tree.stored() == before


def test_a_successor_makes_the_same_and_goes_on(start: Start, tree: Tree, listener: Listener) -> None:
    """It writes nothing until something changes."""
    listener.operator.say(begin(*tasks(*APPS), exposed("thief.1", "thief", host="a1.test")))
    first = start(listener)
    tree.has(**ALL)
    before = tree.stored()
    second = start(listener)
    assert status(second) == {}
    first.stop()
    wait_until(lambda: status(second).get("status") == "OK", what="the successor")
    assert tree.stored() == before
    listener.operator.say(m.task_added(exposed("new.1", "new")))
    tree.has(**ALL, new="/new")
    assert status(second)["statuses"]["f1"]["thief.1"]["status"] == "RENDER_ERR"


def test_a_successor_gives_applications_that_start_again_their_time(
    start: Start, tree: Tree, listener: Listener
) -> None:
    """What they asked for is not known to it; then they are gone."""
    listener.operator.say(begin(*tasks(*APPS)))
    first = start(listener)
    tree.has(**ALL)
    before = tree.stored()
    first.stop()
    listener.operator.say(ended("e1.1"), m.task_added(exposed("new.1", "new")))
    second = start(listener, grace=3.0)
    wait_until(lambda: "may be about to start again" in status(second).get("message", ""), what="the wait")
    assert tree.stored() == before
    tree.has(**{app: f"/{app}" for app in APPS[:4]}, new="/new")


def test_a_successor_that_misses_most_applications_writes_nothing(start: Start, tree: Tree, listener: Listener) -> None:
    """Until they are there, or somebody says that they are gone."""
    listener.operator.say(begin(*tasks(*APPS)))
    first = start(listener)
    tree.has(**ALL)
    before = tree.stored()
    first.stop()
    listener.operator.say(*(ended(f"{app}.1") for app in APPS[1:]))
    second = start(listener, grace=0.1)
    wait_until(lambda: "too many to be believed gone" in status(second).get("message", ""), what="the doubt")
    listener.operator.say(m.task_added(exposed("new.1", "new")))
    wait_until(lambda: "new.1" in status(second)["statuses"]["f1"], what="the new application")
    assert "4 applications of it have no task yet" in status(second)["message"]
    assert tree.stored() == before
    accept(tree)
    tree.has(a1="/a1", new="/new")


def test_zookeeper_is_away_and_comes_back(tmp_path: Path, zk_root: str, start: Start, listener: Listener) -> None:
    """What changed meanwhile is written then, also after the session was lost."""
    server = ZooKeeperServer(tmp_path, free_port())
    server.start()
    try:
        template = start(listener, server)
        listener.operator.say(begin(*tasks("a1")))
        with session(server) as connection:
            Tree(connection, zk_root).has(a1="/a1")
        server.stop()
        listener.operator.say(m.task_added(exposed("b1.1", "b1")), ended("a1.1"))
        server.start()
        with session(server) as connection:
            Tree(connection, zk_root).has(b1="/b1")
        wait_until(lambda: status(template).get("status") == "OK", 20, "the status")
        template.stop()
    finally:
        server.stop()


def generated(**fields: object) -> Pool:
    return pool("auto-default", backend("a1"), type=PoolType.DYNAMIC, **fields)


def test_who_is_not_in_charge_any_more_writes_nothing(connection: ZooKeeper, zk_root: str, tree: Tree) -> None:
    """Neither pool nor ledger."""
    lock = f"{zk_root}/locks/template"
    connection.create(lock)
    writer = Writer(connection, zk_root, lock, 0, OwnWritings())
    writer.put_ledger("default", ledger(1))
    made = writer.put(generated(), None)
    connection.set(lock, b"{}")
    for write in (
        lambda: writer.put(generated(count=2), made),
        lambda: writer.put(pool("auto-other", type=PoolType.DYNAMIC), None),
        lambda: writer.delete(made),
        lambda: writer.put_ledger("default", ledger(2)),
        lambda: writer.put_ledger("default", ledger(2000)),
        lambda: writer.put_ledger("other", ledger(1)),
        lambda: writer.delete_ledger("default"),
    ):
        with pytest.raises(LeadershipLost):
            write()
    assert tree.stored() == made
    assert writer.ledgers.get("default") == ledger(1)
    assert connection.children(f"{zk_root}/pools") == ["auto-default"]


def test_a_writer_that_knows_less_than_stands_there_looks_again(
    connection: ZooKeeper, zk_root: str, tree: Tree
) -> None:
    """What it is told of what stands there may be some moments old."""
    lock = f"{zk_root}/locks/template"
    connection.create(lock)
    writer = Writer(connection, zk_root, lock, 0, OwnWritings())
    first = writer.put(generated(), None)
    second = writer.put(generated(count=2), None)
    assert (second.version, second.pool.count) == (2, 2)
    third = writer.put(generated(count=3), first)
    assert writer.put(generated(count=3), third) == third == writer.put(generated(count=3), None)
    writer.delete(first)
    writer.delete(third)
    people = tree.pools.create(pool("auto-default"))
    for refused in (lambda: writer.put(generated(), third), lambda: writer.delete(people)):
        with pytest.raises(Refused, match="that people made is in the way"):
            refused()
    assert tree.stored() == people


def test_templates_that_never_end_hold_up_no_other(tree: Tree, template: Template, listener: Listener) -> None:
    """However many of them are being printed."""
    names = ("one", "two", "three", "four", "five")
    endless = "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}"
    text = f'{{% extends "default" %}}{{% block frontend %}}{endless}{{% endblock %}}'
    for name in names:
        tree.templates.create(name)
        tree.templates.set_text(name, text)
    others = [exposed(f"{name}.1", name, edgelb__template=name) for name in names]
    listener.operator.say(begin(*others, exposed("shop.1")))
    tree.has(shop="/shop")
    listener.operator.say(m.task_added(exposed("blog.1", "blog")))
    tree.has(shop="/shop", blog="/blog")
    assert [tree.pools.get(f"auto-{name}") for name in names] == [None] * len(names)
