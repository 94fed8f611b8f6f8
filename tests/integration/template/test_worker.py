"""The whole template process on a real ZooKeeper, fed by a real listener over gRPC."""

import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from api.dcos_template.publishing.problem import Problem, decode_problem
from api.observed.liveness import Liveness
from api.prospects.question import written_question
from pool_executor.contract import Put, Remove, State, Structure
from scheduler.pools.model import Pool
from scheduler.pools.stored.store import PoolStore
from sdk.clock import SystemClock
from sdk.storage.connection import ZooKeeper
from tests.integration.listener.test_taskinfo import START, Listener, fetch
from tests.support.ports import free_port
from tests.support.rendered import Rendered
from tests.support.template_fixtures import Process, expects_errors, listener, logged, process
from tests.support.template_process import Template
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer, session
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration
__all__ = ["expects_errors", "listener", "logged", "process"]  # fixtures


class Tree:
    """What an lbmgr would see."""

    def __init__(self, session: ZooKeeper, root: str) -> None:
        self.session, self.root = session, root
        self.pools = PoolStore(session, root)

    def rendered(self, name: str = "web") -> Rendered:
        return Rendered(self.session, self.root, name)

    def head(self, name: str) -> Structure | None:
        return self.rendered(name).structure()

    def problem(self, name: str = "web") -> Problem | None:
        path = f"{self.root}/rendered/{name}/problem"
        found = self.session.get(path)
        return decode_problem(path, found[0]) if found else None

    def servers(self, name: str = "web", of: str = "app") -> list[str]:
        if self.head(name) is None:
            raise LookupError(f"no structure of {name} yet")
        return sorted(self.rendered(name).servers().get(of, {}))


@pytest.fixture
def tree(connection: ZooKeeper, zk_root: str) -> Tree:
    return Tree(connection, zk_root)


@pytest.fixture
def template(process: Process, listener: Listener) -> Template:
    return process(listener)


def running(task: str, port: int) -> m.Json:
    """A running task that announces one port."""
    discovery = {"name": task, "ports": {"ports": [{"number": port, "name": "web", "protocol": "tcp"}]}}
    raw = m.task_json(
        task, state="TASK_RUNNING", statuses=[m.status_json("TASK_RUNNING")], discovery=discovery, name="app"
    )
    raw["resources"].append(m.ports_json(31000, 33000))
    return raw


def odd(task: str, address: str) -> m.Json:
    """A running task whose executor tells this address of its container's network."""
    raw = running(task, 80)
    raw["name"] = "odd"
    raw["statuses"] = [m.status_json("TASK_RUNNING", ips=(address,))]
    raw["statuses"][0]["container_status"]["network_infos"][0]["name"] = "calico"
    return raw


def web(name: str = "web") -> Pool:
    return pool(name, frontend("web", "app"), backend("app", service(task_name="app")))


BEGIN = m.subscribed([running("t1", 31001)], [m.agent_json("a1")], [m.framework_json("f1", "marathon")])


def test_nothing_is_published_before_the_tasks_are_known(tree: Tree, template: Template, listener: Listener) -> None:
    """An empty backend would be a lie until the listener has told everything."""
    tree.pools.create(web())
    wait_until(lambda: tree.session.exists(f"{tree.root}/locks/template/holder"), what="leadership")
    listener.operator.say(BEGIN)
    assert wait_until(tree.servers, what="the bundle") == ["agentip_10.0.0.1_31001"]
    head = tree.head("web")
    assert head is not None
    assert (head.version, head.pool_version) == (1, 1)  # so no head came before the one with the server


def test_tasks_come_and_go_and_the_structure_stays(tree: Tree, template: Template, listener: Listener) -> None:
    """From the operator event to the log of the endpoints."""
    listener.operator.say(BEGIN)
    tree.pools.create(web())
    wait_until(tree.servers, what="the bundle")
    before = tree.head("web")
    listener.operator.say(m.task_added(running("t2", 31002)))
    wait_until(lambda: len(tree.servers()) == 2, what="the second server")
    listener.operator.say(m.task_updated("t1", m.status_json("TASK_KILLING")))

    def states() -> dict[str, State]:
        return {server.task: server.state for server in tree.rendered().servers()["app"].values()}

    wait_until(lambda: states() == {"t1": State.DRAIN, "t2": State.READY}, what="the draining")
    listener.operator.say(m.task_updated("t1", m.status_json("TASK_KILLED")))
    wait_until(lambda: tree.servers() == ["agentip_10.0.0.1_31002"], what="the removal")
    after = tree.head("web")
    assert before is not None
    assert after is not None
    assert after == before
    log = tree.rendered().endpoints()
    assert log is not None
    assert [type(one) for one in log.operations] == [Put, Put, Put, Remove]
    (server,) = tree.rendered().servers()["app"].values()
    assert (server.task, server.address, server.port) == ("t2", "10.0.0.1", 31002)
    assert log.stamps.keys() >= {"taken", "selected", "published"}

    def changes() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(fetch(template.health, "/trace?task=t1")[1])["changes"]
        return found

    wait_until(lambda: [one["change"] for one in changes()] == ["remove", "put", "put"], what="its trace")
    hops = changes()[0]["stamps"]
    assert hops["taken"] <= hops["selected"] <= hops["published"] <= hops["stored"]
    metrics = fetch(template.health, "/metrics")[1]
    assert 'edgelb_template_operations_total{kind="remove"} 1.0' in metrics
    assert 'edgelb_template_published_total{lane="structure"} 1.0' in metrics
    assert 'edgelb_template_hop_seconds_count{hop="selected"}' in metrics
    assert "edgelb_template_pools 1.0" in metrics


def test_the_working_loop_tells_that_it_turns_and_how_fresh_its_tasks_are(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """The sign of life of the process in charge comes again and again, and knows the listener and Mesos."""
    liveness = Liveness(tree.session, tree.root, SystemClock())
    seen = wait_until(lambda: (found := liveness.seen()).pulse and found, what="a sign of life")
    assert seen
    assert seen.pulse
    assert (seen.pulse.connected, seen.pulse.listener) == (False, listener.target)
    listener.operator.say(BEGIN)
    wait_until(lambda: (now := liveness.seen().pulse) and now.connected and now.mesos_silence is not None, what="Mesos")
    beat = liveness.seen().pulse
    wait_until(
        lambda: (now := liveness.seen().pulse) and beat and now.beat > beat.beat + 1, 20, "beats without changes"
    )
    assert liveness.doubts() == ()
    assert fetch(template.health, "/healthz") == (200, "ok\n")
    assert fetch(template.health, "/readyz") == (200, "ok\n")
    assert "edgelb_template_leading 1.0" in fetch(template.health, "/metrics")[1]


def test_a_changed_pool_is_published_with_its_version_and_a_deleted_one_removed(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """Also when nothing in the text changed: readers see which pool version they serve."""
    listener.operator.say(BEGIN)
    tree.pools.create(web())
    wait_until(tree.servers, what="the bundle")
    tree.pools.replace(pool("web", frontend("web", "app"), frontend("more"), backend("app", service(task_name="app"))))

    def has_more() -> bool:
        head = tree.head("web")
        return (
            head is not None and head.pool_version == 2 and any(one.listener == "more" for one in head.parts.values())
        )

    wait_until(has_more, what="the second frontend")
    tree.pools.delete("web")
    wait_until(lambda: not tree.session.exists(f"{tree.root}/rendered/web"), what="the removal")


def test_a_lost_listener_changes_nothing(process: Process, tree: Tree) -> None:
    """Fail-static; pools may still change meanwhile."""
    port = free_port()
    listener = Listener(port)
    listener.operator.say(BEGIN)
    process(listener)
    tree.pools.create(web())
    wait_until(tree.servers, what="the bundle")
    listener.stop()
    tree.pools.create(web("other"))
    assert wait_until(lambda: tree.servers("other"), what="the other pool") == ["agentip_10.0.0.1_31001"]
    assert tree.servers() == ["agentip_10.0.0.1_31001"]
    again = Listener(port)
    again.operator.say(m.subscribed([running("t9", 31009)], [m.agent_json("a1")], [m.framework_json("f1", "marathon")]))
    wait_until(lambda: tree.servers() == ["agentip_10.0.0.1_31009"], what="the new listener's tasks")
    again.stop()


def test_a_standby_takes_over_and_counts_on(process: Process, tree: Tree, listener: Listener) -> None:
    """The second process goes on with the log of the first, and publishes only when something changes."""
    listener.operator.say(BEGIN)
    tree.pools.create(web())
    first = process(listener)
    wait_until(tree.servers, what="the first bundle")
    before, structure = tree.rendered().endpoints(), tree.head("web")
    process(listener)
    first.stop()
    listener.operator.say(m.task_added(running("t2", 31002)))
    wait_until(lambda: len(tree.servers()) == 2, what="the standby's server")
    after = tree.rendered().endpoints()
    assert before is not None
    assert after is not None
    assert after.epoch > before.epoch
    assert (after.lineage, after.sequence) == (before.lineage, before.sequence + 1)
    assert tree.head("web") == structure


def test_what_was_deleted_while_no_template_ran_is_removed(process: Process, tree: Tree, listener: Listener) -> None:
    """The next process finds the bundle of a pool that is gone."""
    listener.operator.say(BEGIN)
    tree.pools.create(web())
    first = process(listener)
    wait_until(tree.servers, what="the bundle")
    first.stop()
    tree.pools.delete("web")
    process(listener)
    wait_until(lambda: not tree.session.exists(f"{tree.root}/rendered/web"), what="the removal")


def test_many_changes_are_joined_and_old_parts_removed(tree: Tree, template: Template, listener: Listener) -> None:
    """The tree does not grow with the number of changes."""
    listener.operator.say(BEGIN)
    tree.pools.create(web())
    wait_until(tree.servers, what="the bundle")
    for number in range(100):
        listener.operator.say(m.task_added(running(f"n{number}", 32000 + number)))
    wait_until(lambda: len(tree.servers()) == 101, what="all servers")
    found = tree.session.stat(f"{tree.root}/rendered/web/endpoints")
    assert found is not None
    assert found.version < 100
    head = tree.head("web")
    assert head is not None

    def collected() -> bool:
        return len(tree.session.children(f"{tree.root}/rendered/web/parts")) <= len(head.parts) + 4

    wait_until(collected, 30, what="the removal of old parts")


def test_start_of_a_snapshot_without_matching_tasks_gives_an_empty_backend(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """Known to be empty is not the same as unknown."""
    listener.operator.say(START)
    tree.pools.create(web())
    wait_until(lambda: tree.head("web") is not None, what="the bundle")
    assert tree.servers() == []


def test_a_pool_that_cannot_be_rendered_stops_no_other(
    tree: Tree,
    template: Template,
    listener: Listener,
    logged: list[MutableMapping[str, Any]],
    expects_errors: None,
) -> None:
    """Its last bundle stays, the reason is logged once, and a repaired pool goes through."""
    listener.operator.say(BEGIN)
    tree.pools.create(web("bad"))
    wait_until(lambda: tree.servers("bad"), what="the bundle before it is broken")
    before = tree.head("bad")
    # More words than the model of the configuration takes, which the rules of pools let pass.
    balance = "uri len 1 depth 1 len 1 depth 1"
    tree.pools.replace(pool("bad", frontend("web", "app"), backend("app", balance=balance)))

    def refusals() -> list[MutableMapping[str, Any]]:
        return [entry for entry in logged if "cannot be rendered" in entry["event"]]

    wait_until(refusals, what="the refusal in the log")
    told = wait_until(lambda: tree.problem("bad"), what="the record of the problem")
    assert (told.revision.version, told.structure) == (2, f"backend app: {balance!r} is not a balance algorithm")
    tree.pools.create(web("good"))
    wait_until(lambda: tree.servers("good"), what="the other pool")
    listener.operator.say(m.task_added(running("t2", 31002)))
    wait_until(lambda: len(tree.servers("good")) == 2, what="the other pool's second server")
    assert tree.head("bad") == before
    assert len(refusals()) == 1
    tree.pools.replace(web("bad"))
    wait_until(lambda: len(tree.servers("bad")) == 2, what="the repaired pool")
    wait_until(lambda: tree.problem("bad") is None, what="the end of the record")


@pytest.mark.parametrize("address", ["fe80::1%eth0", "::1%a b", "::1%x\n    server evil 192.0.2.1:80", "127.0.0.1"])
def test_a_task_with_an_address_that_is_none_is_left_out_and_told(
    tree: Tree, template: Template, listener: Listener, address: str
) -> None:
    """Other servers of its pool come and go, a new version of the pool is served, and the record says who and why."""
    listener.operator.say(BEGIN)
    apps = backend("app", service(task_name="app")), backend("odd", service(task_name="odd"))
    tree.pools.create(pool("web", frontend("web", "app"), *apps))
    wait_until(tree.servers, what="the bundle")
    empty = wait_until(tree.problem, what="the record of the backend without servers")
    assert [dict(one) for one in empty.backends] == [
        {"backend": "odd", "reason": "no task is called odd; tasks are app"}
    ]
    assert empty.left_out == 0
    listener.operator.say(m.task_added(odd("odd-1", address)), m.task_added(running("t2", 31002)))
    wait_until(lambda: len(tree.servers()) == 2, what="the second server of the other application")
    assert tree.servers(of="odd") == []
    problem = wait_until(lambda: (now := tree.problem()) and now.left_out and now, what="the record of the problem")
    assert problem
    assert (problem.revision.version, problem.structure, problem.left_out, problem.held) == (1, "", 1, None)
    (left_out,) = problem.servers
    assert (left_out.backend, left_out.task) == ("odd", "odd-1")
    assert left_out.reason.isprintable()
    listener.operator.say(m.task_updated("t1", m.status_json("TASK_KILLED")))
    wait_until(lambda: tree.servers() == ["agentip_10.0.0.1_31002"], what="the removal of the first server")
    tree.pools.replace(pool("web", frontend("web", "app"), frontend("more"), *apps))

    def told() -> bool:
        head, record = tree.head("web"), tree.problem()
        return head is not None and head.pool_version == 2 and record is not None and record.revision.version == 2

    wait_until(told, what="the new version of the pool")
    listener.operator.say(m.task_updated("odd-1", m.status_json("TASK_FINISHED")))
    wait_until(lambda: (now := tree.problem()) and not now.left_out, what="the end of what was left out")


def test_a_backend_without_servers_is_explained_anew_while_tasks_come_and_go(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """What it selects may come to be without an event that touches the pool; once it has servers, nothing is told."""
    listener.operator.say(BEGIN)
    tree.pools.create(pool("web", frontend("web", "odd"), backend("odd", service(task_name="odd"))))

    def reason() -> str:
        record = tree.problem()
        return str(record.backends[0]["reason"]) if record and record.backends else ""

    wait_until(lambda: reason() == "no task is called odd; tasks are app", what="the reason")
    listener.operator.say(m.task_added({**running("t2", 31002), "name": "odder"}))
    wait_until(lambda: reason() == "no task is called odd; tasks are odder, app", 30, "the reason with the new task")
    listener.operator.say(m.task_added({**running("t3", 31003), "name": "odd"}))
    wait_until(lambda: tree.problem() is None, what="the end of the record")


def test_services_that_are_not_stored_are_explained_once_all_tasks_are_known(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """Whoever writes a pool learns it before; until then there is no answer."""
    question = urlencode({"services": written_question("web", [service(task_name="odd"), service(task_name="app")])})

    def reasons() -> object:
        return json.loads(fetch(template.health, f"/prospects?{question}")[1])["reasons"]

    assert reasons() is None
    listener.operator.say(BEGIN)
    wait_until(lambda: reasons() == ["no task is called odd; tasks are app", ""], what="the reasons")
    assert tree.pools.get("web") is None


def test_a_task_with_enormous_labels_stops_nobody(tree: Tree, template: Template, listener: Listener) -> None:
    """Whoever owns it, and whatever others do afterwards."""
    listener.operator.say(BEGIN)
    tree.pools.create(web())
    wait_until(tree.servers, what="the bundle")
    big = running("big", 31002) | {"labels": {"labels": [{"key": "note", "value": "x" * 34_000_000}]}}
    listener.operator.say(m.task_added(big), m.task_updated("t1", m.status_json("TASK_KILLED")))
    wait_until(lambda: tree.servers() == ["agentip_10.0.0.1_31002"], what="both changes")


def test_a_pool_node_that_cannot_be_read_keeps_its_bundle(
    process: Process,
    zk_root: str,
    tree: Tree,
    listener: Listener,
    logged: list[MutableMapping[str, Any]],
    expects_errors: None,
) -> None:
    """A template of an older release must not take the bundles of newer pools away."""
    listener.operator.say(BEGIN)
    tree.pools.create(web())
    first = process(listener)
    wait_until(tree.servers, what="the bundle")
    first.stop()
    before = tree.head("web")
    tree.session.set(f"{zk_root}/pools/web", b'{"schema": 99, "uid": "u", "version": 1, "created": 0, "author": ""}')
    tree.pools.create(web("other"))
    process(listener)
    wait_until(lambda: tree.servers("other"), what="the readable pool")
    tree.pools.delete("other")
    wait_until(lambda: not tree.session.exists(f"{zk_root}/rendered/other"), what="the removal of the deleted pool")
    assert tree.head("web") == before


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ZooKeeperServer]:
    """A ZooKeeper that the test may end."""
    server = ZooKeeperServer(tmp_path / "own-zookeeper", free_port())
    server.start()
    yield server
    server.stop()


def test_changes_while_zookeeper_is_away_are_published_when_it_is_back(
    own: ZooKeeperServer, process: Process, zk_root: str, listener: Listener
) -> None:
    """Nothing is forgotten, whoever is in charge afterwards."""
    with session(own) as connection:
        tree = Tree(connection, zk_root)
        process(listener, own)
        listener.operator.say(BEGIN)
        tree.pools.create(web())
        wait_until(tree.servers, what="the bundle")
        own.kill()
        wait_until(lambda: connection.state.value != "connected", what="the loss of ZooKeeper")
        listener.operator.say(m.task_added(running("t2", 31002)), m.task_updated("t1", m.status_json("TASK_LOST")))
        own.start()
        wait_until(
            lambda: tree.servers() == ["agentip_10.0.0.1_31002"], timeout=60, what="the change made without ZooKeeper"
        )
