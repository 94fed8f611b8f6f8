"""Tasks in files: what a master tells, and what people write down."""

import json
from typing import Any

import pytest

from api.auto_pools.app import app_of
from api.auto_pools.claim import App
from api.auto_pools.templates.task_file import NoTasks, read_tasks

UUID = "00000000-0000-0000-0000-000000000000"
ID = f"shop_web.instance-{UUID}._app.1"
CLASSIC: dict[str, Any] = {
    "id": ID,
    "name": "web.shop",
    "framework_id": "F",
    "slave_id": "S",
    "state": "TASK_RUNNING",
    "role": "*",
    "resources": {"cpus": 0.1, "ports": "[31000-31001, 31005-31005]"},
    "labels": [{"key": "edgelb.expose", "value": "true"}, {"key": "other", "value": "x"}],
    "discovery": {"name": "web", "ports": {"ports": [{"number": 31000, "name": "http", "protocol": "tcp"}]}},
}
OPERATOR = {
    **{key: value for key, value in CLASSIC.items() if key in ("name", "state", "discovery")},
    "task_id": {"value": ID},
    "framework_id": {"value": "F"},
    "agent_id": {"value": "S"},
    "labels": {"labels": CLASSIC["labels"]},
    "resources": [
        {"name": "ports", "ranges": {"range": [{"begin": 31000, "end": 31001}, {"begin": 31005, "end": 31005}]}}
    ],
}
FRAMEWORK = {"id": "F", "name": "marathon-user"}
INFO = {"framework_info": {"id": {"value": "F"}, "name": "marathon-user"}}


@pytest.mark.parametrize(
    ("document", "framework"),
    [
        ({"tasks": [CLASSIC]}, "marathon"),
        ({"frameworks": [{**FRAMEWORK, "tasks": [CLASSIC]}]}, "marathon-user"),
        ({"type": "GET_TASKS", "get_tasks": {"tasks": [OPERATOR]}}, "marathon"),
        (
            {
                "type": "GET_STATE",
                "get_state": {"get_tasks": {"tasks": [OPERATOR]}, "get_frameworks": {"frameworks": [INFO]}},
            },
            "marathon-user",
        ),
    ],
)
def test_what_a_master_tells_is_read_as_the_listener_reads_it(document: object, framework: str) -> None:
    """Whichever way it was asked."""
    (task,) = read_tasks(json.dumps(document))
    assert task.labels == (("edgelb.expose", "true"),)
    assert [(port.name, port.number) for port in task.ports][:1] == [("http", 31000)]
    assert app_of(task) == App(framework, "/shop/web", True)


def test_tasks_that_ended_are_left_out() -> None:
    """A master tells of some."""
    assert read_tasks(json.dumps({"tasks": [{**CLASSIC, "state": "TASK_FINISHED"}]})) == ()


def test_a_task_can_be_written_down_in_short() -> None:
    """With what matters."""
    short = [
        {"id": "a", "labels": {"edgelb.expose": "true"}},
        {"id": "b", "frameworkId": "F", "frameworkName": "own", "name": "b-task", "role": "r", "ports": [80, "web"]},
    ]
    one, other = read_tasks(json.dumps(short))
    assert (one.framework_name, one.labels) == ("marathon", (("edgelb.expose", "true"),))
    assert [(port.name, port.number) for port in one.ports] == [("web", 31000)]
    assert app_of(other) == App("own", "b-task")
    assert (other.role, [(port.name, port.number) for port in other.ports]) == ("r", [("", 80), ("web", 31001)])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("7", "must be what a Mesos master tells"),
        ("{}", "holds neither tasks nor frameworks"),
        ("[7]", r"tasks\[0\]: must be an object"),
        ("[{}]", r"tasks\[0\].id: is required"),
        ('[{"id": "a", "label": {}}]', r"tasks\[0\].label: unknown field; known are id"),
        ('[{"id": "a", "labels": []}]', r"tasks\[0\].labels: must be an object"),
        ('{"tasks": [7]}', "holds a task that is no object"),
        ('{"tasks": [{"id": ""}]}', "holds a task without a usable id"),
    ],
)
def test_what_holds_no_tasks_says_what_there_should_be(text: str, told: str) -> None:
    """Instead of an empty pool."""
    with pytest.raises(NoTasks, match=told):
        read_tasks(text)
