"""The Marathon app: what Marathon would run is what a shell can run."""

import json
import subprocess
from pathlib import Path

import pytest

from scheduler.marathon import MarathonSettings, app_definition
from sdk.errors import InvalidSpec
from sdk.frameworks import load_frameworks, parse_frameworks

ROOT = Path(__file__).parents[3]
SETTINGS = MarathonSettings(zk="zk1:2181,zk2:2181", zk_root="/edgelb", mesos="zk://zk1:2181/mesos")


def test_the_command_gives_the_process_its_ports(tmp_path: Path) -> None:
    """Run as Marathon runs it, the command reaches our process with addresses made of $HOST and $PORT_<NAME>."""
    fake = tmp_path / "edge lb"
    fake.write_text('#!/bin/sh\nenv | grep ^EDGELB_ | sort; echo "$@"\n')
    fake.chmod(0o755)
    framework = load_frameworks(ROOT / "frameworks.json")[0]
    app = app_definition(framework, MarathonSettings(zk="zk:2181", zk_root="/e", mesos="m:5050", executable=str(fake)))
    marathon = {
        "HOST": "agent1",
        "PORT0": "31000",
        "PORT_API": "31000",
        "PORT_SCHEDULER": "31001",
        "PORT_LISTENER": "31002",
        "PORT_LISTENER_HEALTH": "31003",
        "PORT_TEMPLATE_HEALTH": "31004",
    }
    done = subprocess.run(
        ["/bin/sh", "-c", app["cmd"]],
        env={"PATH": "/usr/bin:/bin", **app["env"], **marathon},
        capture_output=True,
        text=True,
        check=True,
    )
    *variables, arguments = done.stdout.splitlines()
    assert arguments == "serve"
    assert dict(line.split("=", 1) for line in variables) == {
        "EDGELB_ALLOW_UNAUTHENTICATED": "1",
        "EDGELB_API": "http://127.0.0.1:31000",
        "EDGELB_API_LISTEN": "0.0.0.0:31000",
        "EDGELB_SCHEDULER_LISTEN": "0.0.0.0:31001",
        "EDGELB_SCHEDULER_ADVERTISE": "http://agent1:31001",
        "EDGELB_LISTENER": "127.0.0.1:31002",
        "EDGELB_LISTENER_LISTEN": "127.0.0.1:31002",
        "EDGELB_LISTENER_HEALTH_LISTEN": "127.0.0.1:31003",
        "EDGELB_TEMPLATE_HEALTH_LISTEN": "127.0.0.1:31004",
        "EDGELB_ZK": "zk:2181",
        "EDGELB_ZK_ROOT": "/e",
        "EDGELB_MESOS": "m:5050",
        "EDGELB_LOG_FORMAT": "json",
    }


def test_the_definition_has_what_marathon_wants() -> None:
    """Ports by name, health checks by index, an upgrade that keeps one instance, no claim to be alone."""
    app = app_definition(load_frameworks(ROOT / "frameworks.json")[0], SETTINGS)
    assert app["id"] == "/dcos-edgelb/api"
    assert [port["name"] for port in app["portDefinitions"]] == [
        "api",
        "scheduler",
        "listener",
        "listener-health",
        "template-health",
    ]
    assert [(check["path"], check["portIndex"], check["protocol"]) for check in app["healthChecks"]] == [
        ("/ping", 0, "MESOS_HTTP"),
        # Marathon takes one check that Mesos runs, no more.
        ("/healthz", 1, "HTTP"),
    ]
    assert "MARATHON_SINGLE_INSTANCE_APP" not in app["labels"]
    assert app["upgradeStrategy"]["minimumHealthCapacity"] > 0
    assert json.loads(json.dumps(app)) == app


def test_ports_that_speak_tls_are_checked_by_https() -> None:
    """By Mesos and by Marathon."""
    stored = json.loads((ROOT / "frameworks.json").read_text())
    frameworks = stored["frameworks"] if isinstance(stored, dict) else stored
    for check in frameworks[0]["marathon"]["health_checks"]:
        check["tls"] = True
    app = app_definition(parse_frameworks(stored)[0], SETTINGS)
    assert [check["protocol"] for check in app["healthChecks"]] == ["MESOS_HTTPS", "HTTPS"]


def test_values_with_quotes_stay_values() -> None:
    """Nothing in frameworks.json can break out of the JSON."""
    framework = parse_frameworks(
        {
            "frameworks": [
                {
                    "name": "x",
                    "plugin": "a:B",
                    "roles": ["x"],
                    "marathon": {"id": "/x", "command": "edgelb run scheduler --name 'a \"b\"'", "labels": {'"': "\\"}},
                }
            ]
        }
    )[0]
    app = app_definition(framework, SETTINGS)
    assert app["labels"] == {'"': "\\"}
    assert app["cmd"] == "exec edgelb run scheduler --name 'a \"b\"'"


def test_a_framework_without_an_app_says_so() -> None:
    """InvalidSpec names the missing field."""
    framework = parse_frameworks({"frameworks": [{"name": "x", "plugin": "a:B", "roles": ["x"]}]})[0]
    with pytest.raises(InvalidSpec, match=r"x\.marathon"):
        app_definition(framework, SETTINGS)
