"""The command line as people and scripts use it, against a running system."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import System
from tests.support.http import request
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def pool(system: System) -> Iterator[str]:
    """Name for a pool, which is deleted afterwards if the test created it."""
    name = f"cli-{uuid.uuid4().hex[:6]}"
    yield name
    system.leave(name)


def ok(system: System, *arguments: str, stdin: str | None = None) -> str:
    """Standard output of a command that must succeed."""
    done = system.edgelb(*arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(system: System, *arguments: str) -> Any:
    """What a command with --json prints; a script must be able to read all of it."""
    return json.loads(ok(system, *arguments, "--json"))


def rows(table: str) -> list[list[str]]:
    """The cells of a printed table, line by line; columns are at least two spaces apart."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in table.splitlines() if line.strip()]


def test_ping_and_version_tell_that_server_and_client_fit(system: System) -> None:
    """`ping` says pong, `version` both versions, which are the same and raise no warning."""
    assert ok(system, "ping").strip() == "pong"
    done = system.edgelb("version")
    client, server = (line.partition(" = ")[2] for line in done.stdout.splitlines())
    assert client == server
    assert "Warning" not in done.stderr


def test_create_wait_tells_each_instance_and_ends_when_the_pool_serves(
    system: System, pool: str, tmp_path: Path
) -> None:
    """`create --wait` returns 0 once all instances serve, after a line for each of them."""
    file = tmp_path / "pool.json"
    file.write_text(json.dumps(system.pool(pool)))
    done = system.edgelb("create", str(file), "--wait")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Successfully created {pool}.")
    for instance in ("edgelb-pool-0", "edgelb-pool-1"):
        told = [line for line in done.stderr.splitlines() if line.startswith(f"{instance}: ")]
        assert "serves configuration 1" in told[-1]
    assert f"pool {pool}: ready" in done.stderr
    urls, _stats = system.stack.endpoints(pool)
    assert [system.stack.fetch(url)[0] for url in urls["web"]] == [200, 200]


def test_delete_wait_ends_when_nothing_is_left(system: System, pool: str) -> None:
    """`delete --wait` returns when tasks and service are gone; `status` then finds no pool and exits with 4."""
    system.create(system.pool(pool, count=1))
    [instance] = system.instances(pool)
    done = system.edgelb("delete", pool, "--wait")
    assert (done.returncode, done.stdout.strip()) == (0, f"Successfully deleted {pool}. Nothing of it is left.")
    assert pool not in system.services()
    assert not system.alive(instance["haproxy"]["master"])
    done = system.edgelb("status", pool)
    assert (done.returncode, done.stdout) == (4, "")
    assert "pool not found" in done.stderr


def test_list_has_a_line_for_each_pool_and_json_for_scripts(system: System) -> None:
    """The table's columns are NAME, APIVERSION, COUNT, ROLE, PORTS, STATE and TYPE."""
    header, *lines = rows(ok(system, "list"))
    assert header == ["NAME", "APIVERSION", "COUNT", "ROLE", "PORTS", "STATE", "TYPE"]
    assert ["web", "V2", "2", "slave_public", "0", "ready", "static"] in lines
    assert "web" in [one["name"] for one in as_json(system, "list")]


def test_show_prints_the_sections_of_the_pool(system: System) -> None:
    """`show` has a summary, frontends, backends and the services of each kind."""
    text = ok(system, "show", "web")
    for title in ("Summary:", "Frontends:", "Backends:", "Marathon Services:", "Mesos Services:"):
        assert title in text.splitlines()
    assert ["webapp", "AUTO_IP", "webapp", "http", "enabled"] in rows(text)


def test_what_show_prints_as_json_can_be_fed_to_update_unchanged(system: System) -> None:
    """`show --json web | update -` succeeds and changes nothing of the pool nor of its tasks."""
    before, tasks = ok(system, "show", "web", "--json"), system.task_ids("web")
    assert ok(system, "update", "-", stdin=before).startswith("Successfully updated web.")
    shown, after = json.loads(before), as_json(system, "show", "web")
    # But for the etag, which counts how often the pool was written.
    assert shown.pop("etag") != after.pop("etag")
    assert after == shown
    ok(system, "status", "web", "--wait")
    assert system.task_ids("web") == tasks


def test_status_names_task_state_host_and_configuration_of_each_instance(system: System) -> None:
    """The table joins what scheduler and instances know; `--task-ids` prints the ids alone."""
    text = ok(system, "status", "web", "--wait")
    assert text.splitlines()[0] == "web is ready: 2 of 2 instances serve the current configuration"
    header, *lines = rows(text.split("\n\n")[1])
    assert header == ["NAME", "TASK ID", "STATE", "HOST", "CONFIG", "LAG"]
    told = {line[1]: (line[0], line[2], line[3]) for line in lines}
    for one in system.instances("web"):
        assert told[one["task_id"]] == (one["pod"], "TASK_RUNNING", one["hostname"])
    assert set(ok(system, "status", "web", "--task-ids").split()) == set(told) == system.task_ids("web")
    assert {one["taskId"] for one in as_json(system, "status", "web")["loadBalancers"]} == set(told)


def test_endpoints_are_where_the_pool_answers(system: System) -> None:
    """The ports of the table are those of the instances, for the frontend and for stats."""
    header, *lines = rows(ok(system, "endpoints", "web"))
    assert header == ["NAME", "PORT", "INTERNAL IPS", "EXTERNAL IPS"]
    shown = {cell for line in lines for cell in line if cell.isdigit()}
    assert shown == {str(port) for one in system.instances("web") for port in one["ports"].values()}
    [frontend] = as_json(system, "endpoints", "web")["frontends"]
    for entry in frontend["endpoints"]:
        assert system.stack.fetch(f"http://{entry['private'][0]}:{entry['port']}/")[0] == 200


def test_lb_config_is_what_the_instances_serve(system: System) -> None:
    """The printed configuration names every server that HAProxy has, in its raw form as rendered."""
    ports = {
        next(iter(task["discovery"]["ports"]["ports"]))["number"]
        for task in system.application_tasks()
        if task["state"] == "TASK_RUNNING"
    }
    assert ports
    for text in (ok(system, "lb-config", "web"), ok(system, "lb-config", "web", "--raw")):
        servers = [line.split() for line in text.splitlines() if line.split()[:1] == ["server"]]
        # Others are HAProxy itself, as it is after a reload, and lbmgr, which has the metrics.
        told = {words[2] for words in servers if not words[1].startswith("successor") and "unix@" not in words[2]}
        assert {int(address.rpartition(":")[2]) for address in told} == ports


def test_doctor_finds_nothing_to_do_on_a_running_system(system: System) -> None:
    """Every check is ok, in the table and as JSON."""
    done = system.edgelb("doctor")
    assert done.returncode == 0, done.stdout
    levels = [finding["level"] for finding in as_json(system, "doctor")]
    assert set(levels) == {"ok"}
    subjects = " ".join(finding["subject"] for finding in as_json(system, "doctor"))
    assert all(word in subjects for word in ("haproxy", "zookeeper", "mesos", "scheduler", "template", "api"))


def test_a_wrong_pool_is_refused_with_its_own_exit_code(system: System, tmp_path: Path) -> None:
    """What the API refuses exits with 5 and names the field; nothing is printed to standard output."""
    file = tmp_path / "pool.json"
    file.write_text(json.dumps(system.pool("Bad_Name")))
    done = system.edgelb("create", str(file))
    assert (done.returncode, done.stdout) == (5, "")
    assert "pool.name" in done.stderr
    file.write_text(json.dumps(system.pool()))
    done = system.edgelb("create", str(file))
    assert (done.returncode, done.stdout) == (5, "")
    assert "exists" in done.stderr


def test_waiting_for_what_cannot_be_placed_tells_why_and_times_out(system: System, pool: str, tmp_path: Path) -> None:
    """`create --wait --timeout` exits with 6, and the reason of the pending instance is in its lines."""
    file = tmp_path / "pool.json"
    file.write_text(json.dumps(system.pool(pool, count=1, cpus=400)))
    done = system.edgelb("create", str(file), "--wait", "--timeout", "4")
    assert done.returncode == 6, done.stderr
    assert "waits for an offer that fits:\n    2 offers: cpus: wants 400.1" in done.stderr
    done = system.edgelb("status", pool)
    assert done.returncode == 8
    assert "cpus: wants 400.1" in done.stdout
    assert "PENDING" in done.stdout


def test_an_api_that_does_not_answer_has_its_own_exit_code(system: System) -> None:
    """Exit code 3, and the sentence names the URL that was tried."""
    done = system.edgelb("--api", "http://127.0.0.1:1", "list")
    assert (done.returncode, done.stdout) == (3, "")
    assert "http://127.0.0.1:1" in done.stderr


def test_an_update_shows_in_the_traffic(system: System, pool: str) -> None:
    """`update --wait` returns when the new configuration is served: a path that had its own backend loses it."""
    document = system.pool(pool, count=1)
    document["haproxy"]["frontends"][0]["linkBackend"]["map"] = [{"backend": "nobody", "pathBeg": "/closed"}]
    nobody = {"name": "nobody", "services": [{"mesos": {"frameworkName": "nobody"}}]}
    document["haproxy"]["backends"].append(nobody)
    [url] = system.create(document, state="degraded")
    wait_until(lambda: system.stack.fetch(f"{url}closed")[0] == 503, 10, "the closed path")
    document["haproxy"]["frontends"][0]["linkBackend"]["map"] = []
    ok(system, "update", "-", "--wait", stdin=json.dumps(document))
    assert "from version 2 of the pool" in ok(system, "lb-config", pool)
    assert system.stack.fetch(f"{url}closed")[0] == 200


def test_on_the_page_of_mesos_the_names_of_frameworks_link_to_what_answers(system: System) -> None:
    """Each scheduler's root says who it is and what there is, to whoever comes by a link."""
    frameworks = system.stack.get(f"{system.stack.mesos}/state")["frameworks"]
    assert {one["name"] for one in frameworks} == {"edgelb", "webapp"}
    for framework in frameworks:
        answer = request("GET", framework["webui_url"], retries=3)
        assert answer.status == 200, f"{framework['webui_url']}: {answer.data.decode()}"
        assert framework["name"] in answer.data.decode()
