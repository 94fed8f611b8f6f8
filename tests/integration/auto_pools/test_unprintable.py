"""Pool templates that can be printed for nothing that applications ask for: no pool stops for one."""

import json

import pytest

from tests.integration.auto_pools.conftest import Start, Tree, begin, ended, exposed, status
from tests.integration.listener.test_taskinfo import Listener, fetch
from tests.support.template_process import Template
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener import messages as m

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("expects_errors")]

BEGIN = '{% extends "default" %}\n'
GOOD = (
    f'{BEGIN}{{% block pool %}}{{"count": 3}}{{% endblock %}}\n'
    '{% block backend %}{"minimumServers": 2}{% endblock %}'
)


def block(name: str, printed: str) -> str:
    return f"{BEGIN}{{% block {name} %}}\n{printed}\n{{% endblock %}}\n"


FRONTEND = '{"bindPort": 80, "protocol": "HTTP"}'
UNPRINTABLE = {
    "no template": "{% extends",
    "of Go": "{{ range mesosTasks }}",
    "a pool that is none": block("pool", '{"count": -1}'),
    "no policy": block("policy", "[1]"),
    "no frontend": block("frontend", "{{ frontend.nothing }}"),
    "no backend": block("backend", '{"balance": "x"}'),
    "no service": block("service", "{{ app.nothing }}"),
    "no task": block("tasks", "{{ task.nothing }}"),
    "no pool": '{"haproxy": {{ tasks[99].id }}}',
    "a rule of pools": f'{{"haproxy": {{"frontends": [{", ".join([FRONTEND] * 2)}]}}}}',
}


def store(tree: Tree, text: str) -> None:
    """Whatever the API would say of it."""
    tree.templates.make_default()
    tree.templates.set_text("default", text)


def told(template: Template, task: str) -> str:
    found: str = status(template)["statuses"]["f1"][task]["message"]
    return found


def in_trouble(template: Template, instead: str, name: str = "default") -> None:
    """Wait until this is told of it."""

    def said() -> bool:
        found = status(template, name)
        return found["status"] == "RENDER_ERR" and instead in found["message"]

    wait_until(said, 20, f"a status with {instead!r}: {status(template, name)}")


def test_the_text_before_goes_on_with_all_changes(
    start: Start, tree: Tree, template: Template, listener: Listener
) -> None:
    """Each task says so, a successor does the same, and a text that can be printed takes over."""
    store(tree, GOOD)
    listener.operator.say(begin(exposed("shop.1")))
    tree.has(shop="/shop")
    wait_until(lambda: tree.pool().count == 3, what="the pool of the text")
    apps = {"shop": "/shop"}
    for number, text in enumerate(UNPRINTABLE.values()):
        store(tree, text)
        in_trouble(template, "the text before it serves")
        app = f"app{number}"
        listener.operator.say(m.task_added(exposed(f"{app}.1", app)))
        apps[app] = f"/{app}"
        tree.has(**apps)
        assert tree.pool().count == 3
        assert {one.minimum_servers for one in tree.pool().haproxy.backends} == {2}
        for task in ("shop.1", f"{app}.1"):
            assert "the text before it serves" in told(template, task)
        assert status(template)["statuses"]["f1"][f"{app}.1"]["status"] == "OK"
    code, text = fetch(template.health, "/why?task=shop.1")
    assert code == 200
    [asked] = json.loads(text)["why"]["tasks"]
    assert "the text before it serves" in asked["templates"]["default"]["message"]
    template.stop()
    successor = start(listener)
    in_trouble(successor, "the text before it serves")
    listener.operator.say(m.task_added(exposed("news.1", "news")))
    tree.has(**apps, news="/news")
    assert tree.pool().count == 3
    store(tree, GOOD.replace("3", "4"))
    wait_until(lambda: tree.pool().count == 4, 20, "the pool of the next text")
    wait_until(lambda: status(successor)["status"] == "OK", what="a status without trouble")
    assert "serves" not in told(successor, "shop.1")


def test_without_a_text_before_the_default_one_serves(tree: Tree, template: Template, listener: Listener) -> None:
    """Who would be served by that is served."""
    names = {f"t{number}": text for number, text in enumerate(UNPRINTABLE.values())}
    tree.templates.make_default()
    for name, text in names.items():
        tree.templates.create(name)
        tree.templates.set_text(name, text)
    listener.operator.say(begin(*(exposed(f"{name}.1", name, edgelb__template=name) for name in names)))
    for name in names:
        tree.has(f"auto-{name}", **{name: f"/{name}"})
        in_trouble(template, "the default text serves", name)


DEPENDS = block("frontend", '{{ {"/shop": "{}"}[apps | map(attribute="name") | select("equalto", "/shop") | first] }}')


def test_a_text_that_cannot_be_printed_any_more_goes_on_without_the_block(
    tree: Tree, template: Template, listener: Listener
) -> None:
    """Nobody is left out who was served, and when it can be printed it is in force again."""
    store(tree, DEPENDS + '{% block backend %}{"minimumServers": 2}{% endblock %}')
    listener.operator.say(begin(exposed("shop.1"), exposed("blog.1", "blog"), exposed("news.1", "news")))
    tree.has(blog="/blog", news="/news", shop="/shop")
    listener.operator.say(ended("shop.1"))
    tree.has(blog="/blog", news="/news")
    in_trouble(template, "its text serves without the block frontend")
    assert [one.minimum_servers for one in tree.pool().haproxy.backends] == [2, 2]
    assert len(tree.pool().haproxy.frontends) == 1
    listener.operator.say(m.task_added(exposed("shop.2")))
    tree.has(blog="/blog", news="/news", shop="/shop")
    wait_until(lambda: status(template)["status"] == "OK", 30, "the text in force again")


def test_a_pool_that_its_text_makes_whole_stays_as_it_was(tree: Tree, template: Template, listener: Listener) -> None:
    """Each task is told why, and it goes on when the text can be printed."""
    text = (
        '{"count": {{ [1, 2][tasks | length - 1] }}, "haproxy": {"backends": [{% for task in tasks %}{"name": '
        '"{{ task.name }}", "services": [{"marathon": {"serviceID": "{{ task.app.name }}"}}]}{{ "," if not loop.last }}'
        "{% endfor %}]}}"
    )
    store(tree, text)
    listener.operator.say(begin(exposed("shop.1"), exposed("blog.1", "blog")))
    wait_until(lambda: tree.pools.get("auto-default") is not None and tree.pool().count == 2, 20, "the pool")
    before = tree.stored()
    listener.operator.say(m.task_added(exposed("news.1", "news")))
    in_trouble(template, "the pool stays as it was")
    assert "the pool stays as it was" in told(template, "news.1")
    assert tree.stored() == before
    listener.operator.say(ended("blog.1"))
    tree.has(news="/news", shop="/shop")
    wait_until(lambda: status(template)["status"] == "OK", what="a status without trouble")


def test_what_was_printed_goes_with_its_template(tree: Tree, template: Template, listener: Listener) -> None:
    """Nothing of it is left for another one of its name."""
    store(tree, GOOD)
    listener.operator.say(begin(exposed("shop.1")))
    tree.has(shop="/shop")
    path = f"{tree.root}/printed-templates/default"
    wait_until(lambda: tree.session.exists(path), what="the text that was printed")
    tree.templates.delete("default")
    tree.gone()
    wait_until(lambda: not tree.session.exists(path), what="the end of the text")
    assert status(template) == {}
