"""`edgelb pool-template render`: a template and tasks in, a pool out, without any server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.auto_pools.templates.language.form import default_text
from api.cli.exits import Exit
from api.cli.main import cli

pytestmark = pytest.mark.integration

BEGIN = '{% extends "default" %}\n'
TASKS = [
    {"id": "shop.1", "name": "shop", "labels": {"edgelb.expose": "true", "edgelb.web.frontend.rules": "hostEq:a.test"}},
    {"id": "bad.1", "name": "bad", "labels": {"edgelb.expose": "true", "edgelb.bad.frontend.port": "x"}},
    {"id": "team.1", "name": "team", "labels": {"edgelb.expose": "true", "edgelb.template": "team"}},
    {"id": "none.1", "name": "none"},
]


def render(tmp_path: Path, text: str, *options: str, tasks: object = TASKS, code: int = 0) -> Result:
    (tmp_path / "tasks").write_text(json.dumps(tasks))
    arguments = ["pool-template", "render", "-", "--tasks", str(tmp_path / "tasks"), *options]
    result = CliRunner().invoke(cli, arguments, input=text)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_the_default_text_makes_the_pool_of_the_tasks_under_it(tmp_path: Path) -> None:
    """And tells of each of them what became of it."""
    found = render(tmp_path, default_text())
    pool = json.loads(found.stdout)
    assert (pool["name"], pool["role"], pool["count"]) == ("auto-default", "slave_public", 1)
    assert [one["name"] for one in pool["haproxy"]["backends"]] == ["web"]
    assert pool["haproxy"]["frontends"][0]["linkBackend"]["map"] == [{"backend": "web", "hostEq": "a.test"}]
    told = dict(line.split(": ", 1) for line in found.stderr.splitlines())
    assert told["shop.1"].startswith("OK: ")
    assert "http://a.test/" in told["shop.1"]
    assert told["bad.1"].startswith("RENDER_ERR: edgelb.bad.frontend.port: x ")
    assert told.keys() == {"shop.1", "bad.1"}


def test_blocks_and_policy_of_the_template_count(tmp_path: Path) -> None:
    """As they would if it was stored."""
    text = (
        BEGIN
        + '{% block pool %}{"count": 2}{% endblock %}{% block policy %}{"rules": [{"hosts": ["b.test"]}]}{% endblock %}'
        + '{% block backend %}{"minimumServers": 3}{% endblock %}'
    )
    refused = render(tmp_path, text)
    assert refused.stdout == ""
    assert "No pool: nothing of what tasks ask for under default can be had" in refused.stderr
    assert "shop.1: RENDER_ERR: " in refused.stderr
    found = json.loads(render(tmp_path, text.replace("b.test", "a.test"), "--json").stdout)
    assert found["pool"]["count"] == 2
    assert found["pool"]["haproxy"]["backends"][0]["minimumServers"] == 3
    assert {task: one["status"] for task, one in found["statuses"]["marathon"].items()} == {
        "shop.1": "OK",
        "bad.1": "RENDER_ERR",
    }
    none = render(tmp_path, BEGIN + "{% block tasks %}false{% endblock %}")
    assert "shop.1: OK: does not take part" in none.stderr


def test_a_whole_template_gets_the_tasks_under_its_name(tmp_path: Path) -> None:
    """And may leave some out."""
    found = render(tmp_path, '{{ fail(tasks[0], "not yet") }}{"count": {{ tasks | length }}}', "--name", "team")
    assert json.loads(found.stdout)["count"] == 1
    assert found.stderr == "team.1: RENDER_ERR: not yet\n"
    assert "No pool: none of 4 tasks" in render(tmp_path, BEGIN, "--name", "nobody").stderr


def test_what_cannot_be_used_says_why(tmp_path: Path) -> None:
    """With exit codes of their own."""
    broken = render(tmp_path, BEGIN + "{% block pool %}\n{{ nothing }}{% endblock %}", code=Exit.REFUSED)
    assert "Error: pool template line 3: cannot be printed: 'nothing' is undefined" in broken.stderr
    rule = BEGIN + '{% block backend %}{"name": "other-{{ template }}"}{% endblock %}'
    assert "breaks a rule: pool.haproxy" in render(tmp_path, rule, code=Exit.REFUSED).stderr
    assert "tasks[0]: must be an object" in render(tmp_path, BEGIN, tasks=[7], code=Exit.USAGE).stderr
    assert "must be of lower case letters" in render(tmp_path, BEGIN, "--name", "Team", code=Exit.USAGE).stderr
