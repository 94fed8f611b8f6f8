"""Pools that are made of the labels of tasks, from the operator's event to what stands in ZooKeeper."""

import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from api.auto_pools.templates.task_page import read_page
from scheduler.pools.model import PoolType
from tests.integration.auto_pools.conftest import Start, Template, Tree, begin, ended, exposed, status, unexposed
from tests.integration.listener.test_taskinfo import Listener, fetch
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, pool
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration

CHOOSES = """{% extends "default" %}
{% block tasks %}{{ matches(task.app.name, "^/shop") | tojson }}{% endblock %}
"""


def test_an_application_with_labels_gets_a_pool(tree: Tree, template: Template, listener: Listener) -> None:
    """It selects the application, never a task; one without labels is none of its business."""
    listener.operator.say(begin(exposed("shop.1"), unexposed("other.1", "other")))
    tree.has(shop="/shop")
    made = tree.stored()
    assert (made.pool.type, made.author, made.pool.count, made.pool.role) == (
        PoolType.DYNAMIC, "labels", 1, "slave_public",
    )  # fmt: skip
    assert [
        (one.bind_port, [rule.host_eq for rule in one.link_backend.map]) for one in made.pool.haproxy.frontends
    ] == [(80, ["shop.test"])]
    wait_until(lambda: status(template).get("status") == "OK", what="its status")
    told = status(template)
    assert told["message"] == "pool has been successfully deployed"
    assert told["statuses"]["f1"]["shop.1"]["uris"] == ["http://shop.test/"]
    assert set(told["statuses"]["f1"]) == {"shop.1"}


def test_applications_join_and_leave_and_the_last_one_takes_the_pool_with_it(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """After a grace, in which a restart would change nothing."""
    listener.operator.say(begin(exposed("shop.1")))
    tree.has(shop="/shop")
    listener.operator.say(m.task_added(exposed("blog.1", "blog")))
    tree.has(blog="/blog", shop="/shop")
    listener.operator.say(ended("shop.1"))
    tree.has(blog="/blog")
    listener.operator.say(ended("blog.1"))
    tree.gone()
    wait_until(lambda: status(template)["status"] == "NO_TASKS", what="its status")
    assert not tree.session.exists(f"{tree.root}/auto-pools/default")
    listener.operator.say(m.task_added(exposed("shop.2")))
    tree.has(shop="/shop")


def test_restarts_of_tasks_write_nothing(start: Start, tree: Tree, listener: Listener) -> None:
    """The pool names applications, and its bytes stay."""
    start(listener, grace=60.0)
    listener.operator.say(begin(exposed("shop.1")))
    tree.has(shop="/shop")
    before, ledger = tree.stored(), tree.session.get(f"{tree.root}/auto-pools/default")
    for number in range(1, 20):
        listener.operator.say(ended(f"shop.{number}"), m.task_added(exposed(f"shop.{number + 1}")))
    listener.operator.say(m.task_added(exposed("blog.1", "blog")))
    tree.has(blog="/blog", shop="/shop")
    assert tree.stored().version == before.version + 1
    assert ledger is not None


def test_many_changes_share_a_write(tree: Tree, template: Template, listener: Listener) -> None:
    """A first one is written at once."""
    listener.operator.say(begin(exposed("app0.0", "app0")))
    tree.has(app0="/app0")
    for number in range(1, 60):
        listener.operator.say(m.task_added(exposed(f"app{number}.0", f"app{number}")))
    tree.has(**{f"app{number}": f"/app{number}" for number in range(60)})
    assert tree.stored().version < 40


def test_wrong_labels_hurt_only_themselves(tree: Tree, template: Template, listener: Listener) -> None:
    """The task says which label, and why; a newcomer takes over nobody's host."""
    listener.operator.say(
        begin(
            exposed("shop.1"),
            exposed("bad.1", "bad", edgelb__bad__frontend__port="many"),
        )
    )
    tree.has(shop="/shop")
    listener.operator.say(m.task_added(exposed("thief.1", "thief", host="shop.test")))

    def told() -> dict[str, Any]:
        found = status(template)["statuses"]["f1"]
        return {task: one["status"] for task, one in found.items()}

    wanted = {"shop.1": "OK", "bad.1": "RENDER_ERR", "thief.1": "RENDER_ERR"}
    wait_until(lambda: told() == wanted, what="all statuses")
    found = status(template)["statuses"]["f1"]
    assert "edgelb.bad.frontend.port" in found["bad.1"]["message"]
    assert "/shop of marathon" in found["thief.1"]["message"]
    tree.has(shop="/shop")


def test_a_pool_of_people_is_never_written_over(
    tree: Tree, template: Template, listener: Listener, logged: list[MutableMapping[str, Any]]
) -> None:
    """It is in the way until somebody deletes it."""
    people = tree.pools.create(pool("auto-default", backend("mine")))
    listener.operator.say(begin(exposed("shop.1")))
    wait_until(lambda: status(template).get("status") == "SUBMIT_ERR", what="the refusal")
    assert "a pool auto-default that people made is in the way" in status(template)["message"]
    assert tree.stored() == people
    tree.pools.delete("auto-default")
    tree.has(shop="/shop")
    wait_until(lambda: status(template)["status"] == "OK", what="its status")


def test_what_somebody_did_to_the_pool_in_zookeeper_is_undone(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """Labels say what it is."""
    listener.operator.say(begin(exposed("shop.1")))
    tree.has(shop="/shop")
    made = tree.pool()
    tree.pools.delete("auto-default")
    wait_until(lambda: tree.pools.get("auto-default") is not None, what="the pool again")
    assert tree.pool() == made
    tree.pools.replace(pool("auto-default", backend("mine"), type=PoolType.DYNAMIC))
    tree.has(shop="/shop")
    assert tree.pool() == made


def test_a_pool_goes_with_its_template(tree: Tree, template: Template, listener: Listener) -> None:
    """And one comes with a template under which there are tasks already."""
    listener.operator.say(begin(exposed("shop.1"), exposed("team.1", "team", edgelb__template="team")))
    tree.has(shop="/shop")
    assert status(template, "team") == {}
    tree.templates.create("team")
    tree.has("auto-team", team="/team")
    tree.templates.delete("default")
    tree.gone()
    wait_until(lambda: status(template) == {}, what="the end of the template")
    assert tree.backends("auto-team") == {"team": ["/team"]}
    wait_until(lambda: not tree.session.exists(f"{tree.root}/auto-pools/default"), what="the end of the ledger")


def test_a_template_says_what_the_pool_is_like(tree: Tree, template: Template, listener: Listener) -> None:
    """Its blocks are printed into the pool, and one that cannot be printed changes nothing."""
    listener.operator.say(begin(exposed("shop.1")))
    tree.has(shop="/shop")
    tree.templates.set_text("default", '{% extends "default" %}{% block pool %}{"count": 3}{% endblock %}')
    wait_until(lambda: tree.pool().count == 3, what="three instances")
    tree.templates.set_text("default", '{% extends "default" %}{% block pool %}{{ nothing.here }}{% endblock %}')
    wait_until(lambda: status(template)["status"] == "RENDER_ERR", what="the refusal")
    listener.operator.say(m.task_added(exposed("blog.1", "blog")))
    tree.has(blog="/blog", shop="/shop")
    assert tree.pool().count == 3
    tree.templates.set_text("default", "")
    wait_until(lambda: tree.pool().count == 1, what="one instance")


def test_a_template_chooses_tasks_and_says_more_of_single_objects(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """Tasks that it leaves out have a status that says so; what it prints for objects is in the pool."""
    listener.operator.say(begin(exposed("shop.1"), exposed("blog.1", "blog")))
    tree.has(shop="/shop", blog="/blog")
    text = (
        '{% extends "default" %}{% block tasks %}{{ (task.app.name != "/blog") | tojson }}{% endblock %}'
        '{% block backend %}{"minimumServers": {{ apps | length + 2 }}}{% endblock %}'
    )
    tree.templates.set_text("default", text)
    tree.has(shop="/shop")
    wait_until(lambda: tree.pool().haproxy.backends[0].minimum_servers == 3, what="what the block prints")
    listener.operator.say(m.task_added(exposed("news.1", "news")))
    tree.has(shop="/shop", news="/news")
    told = {task: one["message"] for tasks in status(template)["statuses"].values() for task, one in tasks.items()}
    assert told["blog.1"].startswith("does not take part")
    tree.templates.set_text("default", text.replace("task.app.name", "task.nothing"))
    wait_until(lambda: status(template)["status"] == "RENDER_ERR", what="that it is of no use")
    assert status(template)["message"].startswith("pool template line 1: cannot be printed")
    tree.has(shop="/shop", news="/news")


@pytest.mark.usefixtures("expects_errors")
def test_an_application_for_which_a_block_cannot_be_printed_harms_no_other(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """It goes without, and its status has the line of the template."""
    listener.operator.say(begin(exposed("shop.1")))
    tree.has(shop="/shop")
    tree.templates.set_text(
        "default",
        '{% extends "default" %}{% block backend %}\n{"minimumServers": {{ {"/shop": 3, "/news": 4}[apps[0].name] }}}\n'
        "{% endblock %}",
    )
    wait_until(lambda: tree.pool().haproxy.backends[0].minimum_servers == 3, what="what the block prints")
    listener.operator.say(m.task_added(exposed("blog.1", "blog")))
    listener.operator.say(m.task_added(exposed("news.1", "news")))
    tree.has(shop="/shop", news="/news")

    def told() -> dict[str, Any]:
        return {task: one for tasks in status(template)["statuses"].values() for task, one in tasks.items()}

    wait_until(lambda: told()["blog.1"]["status"] == "RENDER_ERR", what="the status of the task")
    assert "pool template line 2: cannot be printed" in told()["blog.1"]["message"]
    assert told()["news.1"]["status"] == "OK"


def test_a_template_makes_the_pool_by_itself(tree: Tree, template: Template, listener: Listener) -> None:
    """Of the tasks that run, at each of their changes; without any there is no pool."""
    listener.operator.say(begin(exposed("shop.1")))
    tree.has(shop="/shop")
    text = (
        '{% if not tasks %}{{ no_tasks() }}{% endif %}{"haproxy": {"backends": [{% for task in tasks %}'
        '{"name": "{{ task.name }}", "services": [{"marathon": {"serviceID": "{{ task.app.name }}"}}]}'
        '{{ "," if not loop.last }}{% endfor %}]}}{{ fail(tasks[0], "just so") if tasks | length > 1 }}'
    )
    tree.templates.set_text("default", text)
    wait_until(lambda: not tree.pool().haproxy.frontends, what="the pool of the template")
    listener.operator.say(m.task_added(exposed("blog.1", "blog")))
    tree.has(shop="/shop", blog="/blog")
    wait_until(lambda: "just so" in str(status(template)["statuses"]), what="what it says of a task")


def test_labels_of_marathon_lb_are_read_once_there_is_a_template_for_them(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """An application may speak both languages; each makes a pool of its own."""
    both = exposed("shop.1")
    haproxy = {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "old.test"}
    both["labels"]["labels"] += [{"key": key, "value": value} for key, value in haproxy.items()]
    listener.operator.say(begin(both))
    tree.has(shop="/shop")
    tree.templates.create("marathon-lb")
    wait_until(lambda: tree.pools.get("auto-marathon-lb") is not None, what="the other pool")
    made = tree.pool("auto-marathon-lb").haproxy
    assert [service.marathon.service_id for one in made.backends for service in one.services] == ["/shop"]
    assert {rule.host_eq for one in made.frontends for rule in one.link_backend.map} == {"old.test"}


def test_a_template_says_which_tasks_take_part(tree: Tree, template: Template, listener: Listener) -> None:
    """Tasks that come later, too; those that it says nothing of with a reason of their own."""
    listener.operator.say(begin(exposed("shop.1"), exposed("blog.1", "blog")))
    tree.has(blog="/blog", shop="/shop")
    tree.templates.set_text("default", CHOOSES)
    tree.has(shop="/shop")
    listener.operator.say(m.task_added(exposed("news.1", "news")), m.task_added(exposed("shop2.1", "shop2")))
    tree.has(shop="/shop", shop2="/shop2")
    listener.operator.say(ended("shop.1"))
    tree.has(shop2="/shop2")
    tree.templates.set_text("default", "")
    tree.has(blog="/blog", news="/news", shop2="/shop2")


def test_the_tasks_that_run_under_a_template_are_told(tree: Tree, template: Template, listener: Listener) -> None:
    """So that another text can be tried with them before it is stored; whether there is the template or not."""
    listener.operator.say(begin(exposed("shop.1"), exposed("a.1", "a", edgelb__template="team"), unexposed("b.1", "b")))
    tree.has(shop="/shop")
    for name, tasks in (("default", ["shop.1"]), ("team", ["a.1"]), ("none", [])):
        code, text = fetch(template.health, f"/exposed?template={name}&after=0")
        assert code == 200
        page = read_page(json.loads(text)["exposed"])
        assert ([task.id for task in page.tasks], page.after, page.complete) == (tasks, None, True)


ONE_PORT = """{% extends "default" %}
{% block frontend %}{"hsts": {{ {80: "null"}[frontend.bindPort] }}}{% endblock %}
"""


def test_a_newcomer_for_whom_a_block_cannot_be_printed_harms_nobody(
    tree: Tree, template: Template, listener: Listener, logged: list[MutableMapping[str, Any]], expects_errors: None
) -> None:
    """Also where it is a frontend of his own; those who come after him are served."""
    tree.templates.create("team")
    tree.templates.set_text("team", ONE_PORT)
    listener.operator.say(begin(exposed("shop.1", edgelb__template="team")))
    tree.has("auto-team", shop="/shop")
    odd = exposed("odd.1", "odd", edgelb__template="team", edgelb__odd__frontend__port="81")
    listener.operator.say(m.task_added(odd))
    wait_until(lambda: told_of(template, "odd.1")["status"] == "RENDER_ERR", what="the status of the newcomer")
    assert "pool template line 2: cannot be printed" in told_of(template, "odd.1")["message"]
    listener.operator.say(m.task_added(exposed("blog.1", "blog", edgelb__template="team")))
    tree.has("auto-team", shop="/shop", blog="/blog")
    assert told_of(template, "shop.1")["status"] == "OK"
    assert status(template, "team")["status"] == "OK"


def told_of(template: Template, task: str) -> dict[str, Any]:
    found: dict[str, Any] = status(template, "team")["statuses"]["f1"][task]
    return found
