"""The whole template process when Mesos stops naming tasks: a real listener, gRPC and ZooKeeper."""

import pytest
from kazoo.client import KazooClient

from api.dcos_template.publishing.problem import Problem
from api.observed.published import Published
from api.observed.read_ahead import ReadAhead
from scheduler.pools.model import Endpoint, EndpointType
from tests.integration.listener.test_taskinfo import Listener
from tests.integration.template.test_worker import Template, Tree, odd, running, template, tree, web
from tests.support.ports import free_port
from tests.support.template_fixtures import Process, expects_errors, listener, logged, process
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration
__all__ = ["expects_errors", "listener", "logged", "process", "template", "tree"]  # fixtures

AGENTS, FRAMEWORKS = [m.agent_json("a1")], [m.framework_json("f1", "marathon")]
FOUR = [running(f"t{number}", 31000 + number) for number in range(4)]
SERVERS = [f"agentip_10.0.0.1_{31000 + number}" for number in range(4)]


def subscribed(*tasks: m.Json) -> m.Json:
    return m.subscribed(list(tasks), AGENTS, FRAMEWORKS)


def served(tree: Tree, listener: Listener) -> None:
    listener.operator.say(subscribed(*FOUR))
    tree.pools.create(web())
    wait_until(lambda: tree.servers() == SERVERS, what="the servers")


def held(tree: Tree) -> Problem:
    def found() -> Problem | None:
        problem = tree.problem()
        return problem if problem and problem.held else None

    return wait_until(found, what="the record of what is held")


def accept(tree: Tree) -> None:
    published = Published(zookeeper=tree.session, root=tree.root, framework="edgelb", reads=ReadAhead(tree.session))
    assert published.accept_removal("web")


def test_servers_are_kept_when_a_master_names_no_task_any_more(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """Until their tasks are named again."""
    served(tree, listener)
    listener.operator.break_off()
    listener.operator.say(subscribed())
    problem = held(tree)
    assert problem.held is not None
    assert problem.held.reason.startswith("4 servers are kept in app: Mesos does not name their tasks any more")
    assert tree.servers() == SERVERS
    listener.operator.break_off()
    listener.operator.say(subscribed(*FOUR))
    wait_until(lambda: tree.problem() is None, what="the end of the record")
    assert tree.servers() == SERVERS
    for number in range(4):
        listener.operator.say(m.task_updated(f"t{number}", m.status_json("TASK_KILLED")))
    wait_until(lambda: tree.servers() == [], what="the removal of what events say has ended")


def test_servers_of_a_pool_that_was_at_rest_are_kept_and_that_is_told(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """Keeping them writes nothing that would remind of the record."""
    useless, own = odd("odd.1", "127.0.0.1"), Endpoint(type=EndpointType.CONTAINER_IP)
    listener.operator.say(subscribed(*FOUR, useless))
    services = service(task_name="app"), service(own, task_name="odd")
    tree.pools.create(pool("web", frontend("web", "app"), backend("app", *services)))
    wait_until(lambda: tree.servers() == SERVERS, what="the servers")
    wait_until(tree.problem, what="the record of what is left out")
    listener.operator.say(m.task_updated("odd.1", m.status_json("TASK_KILLED")))
    wait_until(lambda: tree.problem() is None, what="its end, after which nothing is to be told")
    listener.operator.break_off()
    listener.operator.say(subscribed())
    held(tree)


def test_a_removal_can_be_accepted(tree: Tree, template: Template, listener: Listener) -> None:
    """Then they go, and nothing is left of the acceptance."""
    served(tree, listener)
    listener.operator.break_off()
    listener.operator.say(subscribed(FOUR[0]))
    held(tree)
    accept(tree)
    wait_until(lambda: tree.servers() == SERVERS[:1], what="the removal")
    wait_until(lambda: tree.problem() is None, what="the end of the record")
    wait_until(
        lambda: not tree.session.exists(f"{tree.root}/rendered/web/acceptance"), what="the end of the acceptance"
    )


def test_an_acceptance_stays_until_the_removal_is_published(
    zookeeper: ZooKeeperServer, tree: Tree, template: Template, listener: Listener
) -> None:
    """Whoever comes in charge in between finds what was held and that it may go."""
    served(tree, listener)
    listener.operator.break_off()
    listener.operator.say(subscribed())
    held(tree)
    accept(tree)
    path = f"{tree.root}/rendered/web"
    wait_until(lambda: not tree.session.exists(f"{path}/acceptance"), what="the end of the acceptance")
    wait_until(lambda: tree.servers() == [], what="the removal")
    client = KazooClient(zookeeper.address)
    client.start(10)
    try:
        pool, head = client.exists(path), client.exists(f"{path}/endpoints")
    finally:
        client.stop()
        client.close()
    # The transactions that last took a child away from the pool's node, and wrote the head.
    assert pool.pzxid > head.mzxid


def test_a_server_goes_when_another_task_has_its_place(tree: Tree, template: Template, listener: Listener) -> None:
    """Its requests would be answered by another application."""
    served(tree, listener)
    listener.operator.break_off()
    listener.operator.say(subscribed())
    held(tree)
    other = running("other", 31002)
    other["name"] = "other"
    listener.operator.say(m.task_added(other))
    wait_until(lambda: tree.servers() == [SERVERS[0], SERVERS[1], SERVERS[3]], what="the removal of one")


def test_a_few_that_are_not_named_any_more_go(tree: Tree, template: Template, listener: Listener) -> None:
    """They ended while the master was away."""
    served(tree, listener)
    listener.operator.break_off()
    listener.operator.say(subscribed(*FOUR[:2]))
    wait_until(lambda: tree.servers() == SERVERS[:2], what="the removal")
    assert tree.problem() is None


def test_a_template_that_starts_keeps_what_was_published(process: Process, tree: Tree) -> None:
    """It never knew the tasks, and neither does its listener; a hold outlives it, and so does its acceptance."""
    port = free_port()
    before = Listener(port)
    first = process(before)
    served(tree, before)
    first.stop()
    before.stop()
    after = Listener(port)
    after.operator.say(subscribed())
    second = process(after)
    since = held(tree).held
    assert tree.servers() == SERVERS
    second.stop()
    third = process(after)
    tree.pools.create(web("other"))
    wait_until(lambda: tree.head("other"), what="the third process in charge")
    assert held(tree).held == since
    third.stop()
    accept(tree)
    fourth = process(after)
    wait_until(lambda: tree.servers() == [], what="the removal")
    fourth.stop()
    after.stop()


def test_published_endpoints_that_cannot_be_read_hold_nothing_up(
    process: Process, zk_root: str, tree: Tree, expects_errors: None
) -> None:
    """A template that starts looks into it for servers to keep; it publishes what it knows all the same."""
    port = free_port()
    before = Listener(port)
    first = process(before)
    served(tree, before)
    first.stop()
    before.stop()
    tree.session.set(f"{zk_root}/rendered/web/endpoints", b"damaged")
    after = Listener(port)
    after.operator.say(subscribed(*FOUR[:3]))
    second = process(after)
    wait_until(lambda: tree.servers() == SERVERS[:3], what="a new log")
    second.stop()
    after.stop()
