"""Which application a task belongs to."""

import pytest

from api.auto_pools.app import app_of
from api.auto_pools.claim import App
from api.mesos_listener.task import Task


def test_a_task_of_a_marathon_belongs_to_its_app() -> None:
    """By the framework's name and Marathon's id, which a restarted task has as well."""
    first, second = (
        Task(
            id=f"web_shop.instance-{number}._app.1",
            framework_id="f1",
            framework_name="marathon",
            name="shop.web",
            marathon=True,
            marathon_id="/web/shop",
        )
        for number in (1, 2)
    )
    assert app_of(first) == app_of(second) == App("marathon", "/web/shop", True)


def test_a_container_of_a_pod_is_an_application_of_its_own() -> None:
    """Containers of one pod say different things."""
    task = Task(
        id="t",
        framework_id="f1",
        framework_name="marathon",
        name="nginx",
        marathon=True,
        marathon_id="/web/pod",
        marathon_container="nginx",
    )
    assert app_of(task) == App("marathon", "/web/pod", True, "nginx")


def test_a_task_of_another_framework_belongs_to_those_of_its_name() -> None:
    """What Marathon would mean with its name does not count."""
    task = Task(
        id="t", framework_id="f1", framework_name="kafka", name="broker-0", marathon=False, marathon_id="/broker-0"
    )
    assert app_of(task) == App("kafka", "broker-0")


@pytest.mark.parametrize(
    ("framework", "name"), [("", "web"), ("kafka", ""), ("kafka\n", "web"), ("kafka", "a\0"), ("kafka", "a" * 4000)]
)
def test_what_no_pool_could_name_is_no_application(framework: str, name: str) -> None:
    """A selector without a framework would take tasks of others."""
    assert app_of(Task(id="t", framework_id="f1", framework_name=framework, name=name)) is None
