"""frameworks.json: what it may hold, and which field is named when it does not."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from sdk.errors import EnvironmentProblem, InvalidSpec
from sdk.frameworks import WEEK, load_frameworks, load_plugin, parse_frameworks, select

ROOT = Path(__file__).parents[3]
FILES = [ROOT / "frameworks.json", ROOT / "examples" / "frameworks.json"]
SMALL: dict[str, Any] = {"name": "x", "plugin": "examples.hello:Hello", "roles": ["x"]}
FULL: dict[str, Any] = SMALL | {
    "marathon": {
        "id": "/a/b",
        "command": "edgelb run scheduler",
        "ports": [{"name": "api", "environment": {"LISTEN": "0.0.0.0:{port}"}}],
        "health_checks": [{"path": "/ping", "port": "api"}],
    }
}


@pytest.mark.parametrize("path", FILES, ids=["repository", "examples"])
def test_the_files_of_this_repository_load_and_their_plugins_exist(path: Path) -> None:
    """Every framework that ships can be loaded."""
    for framework in load_frameworks(path):
        assert load_plugin(framework).__name__
        assert framework.failover_timeout >= WEEK


def test_the_defaults_are_those_that_keep_tasks_alive() -> None:
    """Two weeks of failover, checkpointing, and the capabilities that the SDK relies on."""
    framework = parse_frameworks({"frameworks": [SMALL]})[0]
    assert framework.failover_timeout == 2 * WEEK
    assert framework.checkpoint
    assert set(framework.capabilities) == {
        "PARTITION_AWARE",
        "MULTI_ROLE",
        "RESERVATION_REFINEMENT",
        "TASK_KILLING_STATE",
    }


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": "A B"}, "frameworks[0].name"),
        ({"name": None}, "frameworks[0].name"),
        ({"plugin": "hello"}, "frameworks[0].plugin"),
        ({"roles": []}, "frameworks[0].roles"),
        ({"roles": ["*"]}, "frameworks[0].roles[0]"),
        ({"roles": ["a", "a b"]}, "frameworks[0].roles[1]"),
        ({"roles": ["a", "a"]}, "frameworks[0].roles"),
        ({"roles": "a"}, "frameworks[0].roles"),
        ({"failover_timeout": 0}, "frameworks[0].failover_timeout"),
        ({"failover_timeout": "1w"}, "frameworks[0].failover_timeout"),
        ({"capabilities": ["MULTI_ROLE"]}, "frameworks[0].capabilities"),
        ({"capabilities": ["FLYING"]}, "frameworks[0].capabilities[0]"),
        ({"min_allocatable": {"y": {}}}, "frameworks[0].min_allocatable.y"),
        ({"min_allocatable": {"x": {"cpus": -1}}}, "frameworks[0].min_allocatable.x.cpus"),
        ({"min_allocatable": {"x": {"cpus": "1"}}}, "frameworks[0].min_allocatable.x.cpus"),
        ({"zk_root": "edgelb"}, "frameworks[0].zk_root"),
        ({"colour": "red"}, "frameworks[0].colour"),
        ({"marathon": {"id": "a", "command": "x"}}, "frameworks[0].marathon.id"),
        ({"marathon": {"id": "/a", "command": " "}}, "frameworks[0].marathon.command"),
        ({"marathon": {"id": "/a"}}, "frameworks[0].marathon.command"),
        ({"marathon": {"id": "/a", "command": "x", "cpus": 0}}, "frameworks[0].marathon"),
        ({"marathon": {"id": "/a", "command": "x", "shell": 1}}, "frameworks[0].marathon.shell"),
        (
            {"marathon": FULL["marathon"] | {"ports": [{"name": "api", "environment": {"A": "$(rm)"}}]}},
            "frameworks[0].marathon.ports[0].environment.A",
        ),
        (
            {"marathon": FULL["marathon"] | {"health_checks": [{"path": "/", "port": "web"}]}},
            "frameworks[0].marathon.health_checks[0].port",
        ),
    ],
)
def test_a_broken_rule_names_the_field(change: dict[str, Any], path: str) -> None:
    """The message begins with the path of the field."""
    with pytest.raises(InvalidSpec) as caught:
        parse_frameworks({"frameworks": [copy.deepcopy(FULL) | change]})
    assert caught.value.path == path


@pytest.mark.parametrize("value", [[], {}, {"frameworks": []}, {"frameworks": [SMALL, SMALL]}, None, 3])
def test_a_file_of_another_form_is_refused(value: object) -> None:
    """No frameworks, two of one name, or something else altogether."""
    with pytest.raises(InvalidSpec):
        parse_frameworks(value)


def test_a_file_that_is_missing_or_no_json_says_so(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(EnvironmentProblem, match=r"nothing\.json"):
        load_frameworks(tmp_path / "nothing.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InvalidSpec, match=r"bad\.json"):
        load_frameworks(tmp_path / "bad.json")


def test_frameworks_are_selected_by_name() -> None:
    """All without names, those named otherwise, an unknown one is refused."""
    frameworks = parse_frameworks({"frameworks": [SMALL, SMALL | {"name": "y"}]})
    assert select(frameworks, ()) == frameworks
    assert [one.name for one in select(frameworks, ("y", "y"))] == ["y"]
    with pytest.raises(InvalidSpec, match="it has x, y"):
        select(frameworks, ("z",))


@pytest.mark.parametrize("plugin", ["no.such.module:X", "examples.hello:Nothing", "examples.hello:parse_options"])
def test_a_plugin_that_is_not_there_is_named(plugin: str) -> None:
    """InvalidSpec tells the framework and the plugin."""
    framework = parse_frameworks({"frameworks": [SMALL | {"plugin": plugin}]})[0]
    with pytest.raises(InvalidSpec, match=r"x\.plugin"):
        load_plugin(framework)


def test_the_files_are_formatted_json() -> None:
    """They can be edited by programs as well as by people."""
    for path in FILES:
        json.loads(path.read_text())
