"""The command line against a real API server on loopback."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from click.testing import CliRunner, Result

from api.cli.exits import Exit
from api.cli.main import cli
from api.dcos_template.publishing.problem import Held, Problem, encode_problem
from pool_executor.contract import Death
from scheduler.pools.model import PoolType, Revision
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import Scheduler, instance, publish_instance, publish_rendered
from tests.integration.api.test_runtime import pod, say
from tests.support.http import request
from tests.support.pools import FOLDER, SUPPORTED, example, minimal
from tests.support.ports import free_port
from tests.support.v1_pools import SUPPORTED as SUPPORTED_V1
from tests.support.v1_pools import minimal_v1

pytestmark = pytest.mark.integration

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_server_logs() -> Iterator[None]:
    """The server runs in this process: without this its log would stand in the command's captured output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
def run(server: str) -> Run:
    """Run `edgelb ARGUMENTS` against the server."""

    def invoke(*arguments: str, stdin: str | None = None, code: int = 0, **environment: str) -> Result:
        result = CliRunner().invoke(cli, list(arguments), input=stdin, env={"EDGELB_API": server, **environment})
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke


def written(path: Path, value: object) -> str:
    """The value as a JSON file."""
    path.write_text(json.dumps(value))
    return str(path)


def rows(text: str) -> list[list[str]]:
    """A table's cells; columns stand two or more spaces apart."""
    return [re.split(r"\s{2,}", line) for line in text.splitlines() if line.strip()]


def test_create_says_what_the_product_said(
    run: Run, scheduler: Scheduler, connection: ZooKeeper, zk_root: str, tmp_path: Path
) -> None:
    """And where to look next."""
    connection.put(f"{zk_root}/frameworks/edgelb/framework", b'{"framework_id": "f"}')
    result = run("create", written(tmp_path / "web.json", minimal()))

    assert result.stdout == (
        'Successfully created web. Check "edgelb show web" or "edgelb status web" for deployment status\n'
    )
    assert result.stderr == ""


@pytest.mark.slow
def test_show_json_feeds_update_unchanged(run: Run) -> None:
    """Through a pipe, for every documented pool that is supported."""
    for name in SUPPORTED:
        pool = json.loads(run("create", "-", "--json", stdin=json.dumps(example(name))).stdout)
        shown = run("show", pool["name"], "--json").stdout

        assert json.loads(shown) == pool, name
        updated = json.loads(run("update", "-", "--json", stdin=shown).stdout)
        assert updated.pop("etag").endswith("-2")
        assert pool.pop("etag").endswith("-1")
        assert updated == pool, name
        run("delete", pool["name"])


def test_of_two_people_who_edit_what_they_were_shown_the_second_is_refused(run: Run) -> None:
    """Until he says that he means it; the first one's change is not lost silently."""
    run("create", "-", stdin=json.dumps(minimal()))
    mine, yours = (json.loads(run("show", "web", "--json").stdout) for _ in range(2))
    run("update", "-", stdin=json.dumps(yours | {"count": 2}))

    lost = run("update", "-", stdin=json.dumps(mine | {"count": 3}), code=Exit.REFUSED)
    assert "it is at version 2, not 1" in lost.stderr
    assert "edgelb show web --json shows what it is now; --overwrite replaces it all the same" in lost.stderr
    assert json.loads(run("show", "web", "--json").stdout)["count"] == 2
    run("update", "-", "--if-match", mine["etag"], stdin=json.dumps(minimal()), code=Exit.REFUSED)
    now = json.loads(run("show", "web", "--json").stdout)["etag"]
    run("update", "-", "--if-match", now, stdin=json.dumps(mine | {"count": 3}))
    run("update", "-", "--overwrite", stdin=json.dumps(mine | {"count": 4}))
    # A file that was never shown says nothing about what it replaces.
    run("update", "-", stdin=json.dumps(minimal(count=5)))
    assert json.loads(run("show", "web", "--json").stdout)["count"] == 5
    run("update", "-", "--overwrite", "--if-match", now, stdin="{}", code=Exit.USAGE)


def test_what_was_shown_of_a_deleted_pool_does_not_change_the_one_that_came_after(run: Run) -> None:
    """Both are at version 1."""
    run("create", "-", stdin=json.dumps(minimal()))
    shown = run("show", "web", "--json").stdout
    run("delete", "web")
    gone = run("update", "-", stdin=shown, code=Exit.REFUSED)
    assert "there is no pool web any more" in gone.stderr
    run("create", "-", stdin=shown)
    assert "deleted and created again" in run("update", "-", stdin=shown, code=Exit.REFUSED).stderr


def test_yaml_files_are_taken_too_and_can_be_converted(run: Run, tmp_path: Path) -> None:
    """Old files are YAML."""
    path = tmp_path / "web.yaml"
    path.write_text(yaml.safe_dump(minimal()))
    run("create", str(path))

    assert json.loads(run("show", "--convert-to-json", str(path)).stdout) == minimal()


def test_list_is_the_documented_table(run: Run, tmp_path: Path) -> None:
    """NAME, APIVERSION, COUNT, ROLE, PORTS, STATE, TYPE; ports joined and sorted by number."""
    run("create", written(tmp_path / "a.json", example("v2-count-5-dynamic-stats-port-ping.json")))
    run("create", written(tmp_path / "b.json", minimal(role="*", ports=[9090, 443, 80])))

    assert rows(run("list").stdout) == [
        ["NAME", "APIVERSION", "COUNT", "ROLE", "PORTS", "STATE", "TYPE"],
        ["ping-lb", "V2", "5", "slave_public", "0, 15001", "deploying", "static"],
        ["web", "V2", "1", "*", "80, 443, 9090", "deploying", "static"],
    ]
    assert [pool["name"] for pool in json.loads(run("list", "--json").stdout)] == ["ping-lb", "web"]


def test_list_leaves_no_pool_out_that_cannot_be_read(run: Run, connection: ZooKeeper, zk_root: str) -> None:
    """It has no values, but a row, and what is wrong with it; it can be deleted."""
    connection.put(f"{zk_root}/pools/broken", b"\x00")
    listed = run("list")
    assert rows(listed.stdout)[1] == ["broken", "-", "-", "-", "-", "unknown", "-"]
    assert "broken: " in listed.stderr
    assert "There are no pools yet" not in listed.stderr
    run("delete", "broken")
    assert len(rows(run("list").stdout)) == 1


def test_an_empty_list_suggests_what_to_do(run: Run) -> None:
    """On stderr, so that scripts see only the table."""
    result = run("list")

    assert rows(result.stdout) == [["NAME", "APIVERSION", "COUNT", "ROLE", "PORTS", "STATE", "TYPE"]]
    assert "edgelb create" in result.stderr


def test_show_has_the_documented_sections(run: Run, tmp_path: Path) -> None:
    """Summary, Frontends, Backends, Marathon Services, Mesos Services."""
    pool = minimal()
    kafka = {"mesos": {"frameworkName": "kafka", "taskNamePattern": "^broker"}, "endpoint": {"port": 1025}}
    address = {"endpoint": {"type": "ADDRESS", "address": "x.y", "port": 7, "check": {"enabled": False}}}
    pool["haproxy"]["backends"].append({"name": "tcp", "protocol": "TCP", "services": [kafka, address]})
    run("create", written(tmp_path / "web.json", pool))

    sections = [rows(part) for part in run("show", "web").stdout.split("\n\n")]
    assert sections == [
        [
            ["Summary:"],
            ["NAME", "APIVERSION", "COUNT", "ROLE", "CONSTRAINTS", "STATSPORT", "TYPE"],
            ["web", "V2", "1", "slave_public", "hostname:UNIQUE", "9090", "static"],
        ],
        [["Frontends:"], ["NAME", "PORT", "PROTOCOL"], ["frontend_0.0.0.0_80", "80", "HTTP"]],
        [
            ["Backends:"],
            ["FRONTEND", "NAME", "PROTOCOL", "BALANCE"],
            ["frontend_0.0.0.0_80", "app", "HTTP", "roundrobin"],
            ["", "tcp", "TCP", "roundrobin"],
        ],
        [
            ["Marathon Services:"],
            ["BACKEND", "TYPE", "SERVICE", "CONTAINER", "PORT", "CHECK"],
            ["app", "AUTO_IP", "/app", "web", "enabled"],
        ],
        [
            ["Mesos Services:"],
            ["BACKEND", "TYPE", "FRAMEWORK", "TASK", "PORT", "CHECK"],
            ["tcp", "AUTO_IP", "kafka", "/^broker/", "1025", "enabled"],
            ["tcp", "ADDRESS", "x.y", "7", "disabled"],
        ],
    ]
    assert "web" in run("show").stdout


def test_status_is_a_table_with_name_task_id_and_state(
    run: Run, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """The documented columns first, then host and configuration."""
    run("create", "-", stdin=json.dumps(minimal()))
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    say(scheduler, [pod()])
    result = run("status", "web")

    lines = rows(result.stdout)
    task_id = "dcos-edgelb.pools.web__edgelb-pool-0-server__0"
    assert lines[0] == ["web is ready: 1 of 1 instances serve the current configuration"]
    assert lines[1] == ["NAME", "TASK ID", "STATE", "HOST", "CONFIG", "LAG"]
    assert lines[2] == ["edgelb-pool-0", task_id, "TASK_RUNNING", "agent0", "3 applied", "0"]
    assert "edgelb endpoints web" in result.stderr
    assert run("status", "web", "--task-ids").stdout == f"{task_id}\n"
    assert json.loads(run("status", "web", "--json").stdout)["state"] == "ready"


def test_status_shows_the_servers_of_each_backend_and_why_there_are_none(
    run: Run, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """A pool whose backend selects nothing is not ready, however well its load balancers are."""
    run("create", "-", stdin=json.dumps(minimal()))
    publish_rendered(connection, zk_root, servers=())
    publish_instance(connection, zk_root, instance())
    reason = "no running task of framework nosuch; frameworks are edgelb, webapp"
    stored = PoolStore(connection, zk_root).get("web")
    assert stored is not None
    problem = Problem(revision=stored.revision, backends=({"backend": "app", "reason": reason},))
    connection.put(f"{zk_root}/rendered/web/problem", encode_problem(problem))
    say(scheduler, [pod()])
    result = run("status", "web", code=Exit.UNHEALTHY)

    lines = rows(result.stdout)
    assert lines[0][0].startswith("web is degraded: 1 of 1 instances serve the current configuration; backend app has")
    assert ["BACKEND", "FRONTENDS", "SERVERS", "UP", "WHY"] in lines
    assert ["app", "frontend_0.0.0.0_80", "0", "0", reason] in lines
    (row,) = json.loads(run("status", "web", "--json", code=Exit.UNHEALTHY).stdout)["backends"]
    run("status", "web", "--task-ids")
    assert (row["servers"], row["up"], row["reason"]) == (0, 0, reason)
    waited = run("status", "web", "--wait", "--timeout", "0", code=Exit.TIMEOUT)
    assert f"Warning: backend app has no servers: {reason}" in waited.stderr
    assert waited.stderr.count("Ctrl-C ends the waiting") == 1


def test_status_without_a_name_is_one_line_per_pool_and_its_code_tells_whether_all_are_well(
    run: Run, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """Which pool is broken, and why; list has the state as well."""
    assert run("status").stdout.split() == ["NAME", "STATE", "WHY"]
    for name in ("web", "other"):
        run("create", "-", stdin=json.dumps(minimal(name=name)))
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    say(scheduler, [pod()])
    result = run("status", code=Exit.UNHEALTHY)

    assert rows(result.stdout) == [
        ["NAME", "STATE", "WHY"],
        ["other", "deploying", "the scheduler has not taken up version 1 of the pool yet"],
        ["web", "ready"],
    ]
    assert [one["state"] for one in json.loads(run("status", "--json", code=Exit.UNHEALTHY).stdout)] == [
        "deploying",
        "ready",
    ]
    assert [row[-2] for row in rows(run("list").stdout)] == ["STATE", "deploying", "ready"]
    run("delete", "other")
    run("status")
    run("status", "--wait", code=Exit.USAGE)


def test_status_tells_each_death_of_haproxy(
    run: Run, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """When and how; one that dies again and again is not ready."""
    run("create", "-", stdin=json.dumps(minimal()))
    publish_rendered(connection, zk_root)
    deaths = [Death(at=time.time() - 60, how="was ended by SIGKILL")]
    publish_instance(connection, zk_root, instance(deaths=tuple(deaths), counters={"haproxy_died": 1}))
    say(scheduler, [pod()])
    shown = run("status", "web").stdout
    assert shown.startswith("web is ready")
    assert "edgelb-pool-0: TASK_RUNNING on agent0, serves configuration 3" in shown
    assert "HAProxy was ended by SIGKILL at 20" in shown

    publish_instance(connection, zk_root, instance(deaths=tuple(deaths * 3), counters={"haproxy_died": 9}))
    found = run("status", "web", code=Exit.UNHEALTHY).stdout
    assert "HAProxy of edgelb-pool-0 dies again and again: was ended by SIGKILL at 20" in found
    assert "9 times so far" in found


def test_explain_shows_what_rules_ask_of_headers_and_cookies(run: Run) -> None:
    """In a line each, as the other conditions."""
    canaries = minimal()
    web = canaries["haproxy"]["frontends"][0]
    name = canaries["haproxy"]["backends"][0]["name"]
    web["linkBackend"]["map"] = [
        {
            "backend": name,
            "headers": [{"name": "X-Canary", "valueEq": "always"}, {"name": "X-Tester"}],
            "cookies": [{"name": "version", "valueReg": "^2"}],
        }
    ]
    run("create", "-", stdin=json.dumps(canaries))
    plain = run("explain", "web", "http://a.test/").stdout
    assert "headers X-Canary always and X-Tester, cookies version ^2" in plain
    assert "the request has no header X-Canary" in plain
    sent = ("--header", "x-canary: always", "--header", "X-Tester: ann", "--header", "Cookie: a=b; version=2")
    assert f"matches: {name}" in run("explain", "web", "http://a.test/", *sent).stdout


def test_explain_tells_where_a_request_goes_and_why(
    run: Run, scheduler: Scheduler, connection: ZooKeeper, zk_root: str
) -> None:
    """Each step in its order, with the servers; the same as JSON."""
    document = minimal()
    document["haproxy"]["frontends"][0]["linkBackend"]["map"] = [
        {"backend": "app", "hostReg": "^a[.]", "pathEnd": ".png"},
        {"backend": "app", "hostsEq": ["b.test", "*.b.test"]},
    ]
    run("create", "-", stdin=json.dumps(document))
    publish_rendered(connection, zk_root)
    publish_instance(connection, zk_root, instance())
    scheduler.answers["GET /v1/services/web/pods"] = (200, {"pods": []})

    told = run("explain", "web", "http://10.0.0.1/x?y", "--header", "Host: c.B.test")
    assert told.stdout.startswith(
        "frontend frontend_0.0.0.0_80 asks backend app (map[1]), which can use 1 of 1 server\n"
    )
    assert rows(told.stdout)[1:] == [
        ["STEP", "WHAT", "WHY"],
        ["listener", "frontend_0.0.0.0_80 (HTTP)", "0.0.0.0, port 80"],
        ["map[0]", "hostReg ^a[.], pathEnd .png", "hostReg ^a[.] is not found in the host c.b.test"],
        ["map[1]", "hostsEq b.test or *.b.test", "matches: app"],
        ["backend", "app (HTTP, roundrobin)", "map[1]"],
        ["sent", "http://c.B.test/x?y", "X-Forwarded-For: <the client's address>; X-Forwarded-Port: 80"],
        ["SERVER", "AT", "STATE", "WEIGHT", "TASK"],
        ["agentip_10.0.0.1_8080", "10.0.0.1:8080", "ready", "-", "app.1"],
    ]
    found = json.loads(run("explain", "web", "http://a.test:81/", "--json").stdout)
    assert (found["name"], found["listener"], found["request"]["port"]) == ("web", None, 81)
    assert "url: http://a b invalid" in run("explain", "web", "http://a b", code=Exit.REFUSED).stderr
    run("explain", "web", "http://a", "--header", "Host", code=Exit.USAGE)
    run("explain", "nope", "http://a", code=Exit.NOT_FOUND)


def test_endpoints_of_a_pool_that_serves_nowhere_says_why(run: Run, scheduler: Scheduler) -> None:
    """The API's documented sentence alone would not."""
    run("create", "-", stdin=json.dumps(minimal()))
    reasons = [{"count": 2, "reason": "ports 80 not free"}]
    say(scheduler, [pod(tasks=[], pending={"status": "PREPARED", "summary": "", "reasons": reasons})])
    told = run("endpoints", "web", code=Exit.FAILED).stderr
    assert "no load balancer of web can be reached yet: edgelb-pool-0 cannot be placed yet: 2 offers" in told


def test_status_shows_why_an_instance_is_pending(run: Run, scheduler: Scheduler) -> None:
    """Counts of refusals by reason."""
    run("create", "-", stdin=json.dumps(minimal()))
    reasons = [{"count": 2, "reason": "ports 80 not free"}, {"count": 1, "reason": "role slave_public missing"}]
    say(scheduler, [pod(tasks=[], pending={"status": "PREPARED", "summary": "", "reasons": reasons})])

    shown = run("status", "web", code=Exit.UNHEALTHY).stdout
    assert "web is pending: edgelb-pool-0 cannot be placed yet: 2 offers: ports 80 not free (and 1 more)" in shown
    assert (
        "edgelb-pool-0: waits for an offer that fits:\n"
        "    2 offers: ports 80 not free\n"
        "    1 offer: role slave_public missing\n"
    ) in shown


def test_of_a_pool_that_is_made_of_labels_the_status_names_what_can_be_changed(
    run: Run, scheduler: Scheduler, connection: ZooKeeper, zk_root: str
) -> None:
    """Nobody can update it; offers of agents without the role are told last."""
    made = replace(load_pool(minimal(name="auto-team")), type=PoolType.DYNAMIC)
    PoolStore(connection, zk_root).create(made)
    reasons = [{"count": 2, "reason": "role slave_public missing"}, {"count": 1, "reason": "port 80 not offered"}]
    waits = pod(tasks=[], pending={"status": "PREPARED", "summary": "", "reasons": reasons})
    say(scheduler, [waits], service="auto-team")
    shown = run("status", "auto-team", code=Exit.UNHEALTHY)
    assert "cannot be placed yet: 1 offer: port 80 not offered (and 1 more)" in shown.stdout
    assert "Next: edgelb pool-template update team TEMPLATE-FILE with a role" in shown.stderr


def test_endpoints_is_the_documented_table(run: Run, connection: ZooKeeper, zk_root: str) -> None:
    """One row group per frontend and stats."""
    run("create", "-", stdin=json.dumps(minimal(count=2)))
    for index in range(2):
        publish_instance(connection, zk_root, instance(index, public=(f"1.1.1.{index}",)))
    result = run("endpoints", "web")

    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["frontend_0.0.0.0_80", "80", "10.0.0.1", "1.1.1.0"],
        ["80", "10.0.0.2", "1.1.1.1"],
        ["stats", "9090", "10.0.0.1", "1.1.1.0"],
        ["9090", "10.0.0.2", "1.1.1.1"],
    ]
    assert result.stdout.splitlines()[0].split("  ")[0] == "NAME"
    assert result.stderr == ""
    assert json.loads(run("endpoints", "web", "--json").stdout)["name"] == "web"


def test_the_urls_of_a_pool_are_printed_for_scripts(run: Run, connection: ZooKeeper, zk_root: str) -> None:
    """One per line; the public address where there is one, and TCP told apart."""
    pool = minimal()
    frontends = pool["haproxy"]["frontends"]
    frontends[0]["name"] = "web"
    frontends.append({"name": "db", "bindPort": 81, "protocol": "TCP"})
    run("create", "-", stdin=json.dumps(pool))
    nobody = run("endpoints", "web", "--url", code=Exit.FAILED)
    assert "no load balancer of web can be reached yet: " in nobody.stderr
    publish_instance(connection, zk_root, instance(0, ports={"web": 80, "db": 81}, addresses=("10.0.0.1",), public=()))
    publish_instance(
        connection, zk_root, instance(1, ports={"web": 8080}, addresses=("10.0.0.2",), public=("1.2.3.4",))
    )

    lines = run("endpoints", "web", "--url").stdout.splitlines()
    assert lines == ["http://10.0.0.1:80/", "http://1.2.3.4:8080/", "tcp://10.0.0.1:81"]


def test_pods_are_listed_restarted_and_replaced(run: Run, scheduler: Scheduler) -> None:
    """By name, or without one where there is only one."""
    run("create", "-", stdin=json.dumps(minimal()))
    say(scheduler, [pod()])
    for action in ("restart", "replace"):
        scheduler.answers[f"POST /v1/services/web/pods/edgelb-pool-0/{action}"] = (202, {"message": "stored"})
    assert rows(run("pod", "list", "web").stdout)[1][:3] == ["edgelb-pool-0", "RUNNING", "TASK_RUNNING"]
    assert json.loads(run("pod", "list", "web", "--json").stdout)["pods"][0]["name"] == "edgelb-pool-0"
    assert "will be placed anew" in run("pod", "replace", "web", "edgelb-pool-0").stdout
    assert run("pod", "restart", "web").stderr == "Next: edgelb status --wait web\n"

    say(scheduler, [pod(0), pod(1)])
    several = run("pod", "restart", "web", code=Exit.USAGE)
    assert "it has edgelb-pool-0, edgelb-pool-1; say which" in several.stderr
    run("pod", "list", "none", code=Exit.NOT_FOUND)


def test_lb_config_is_indented_and_raw_is_as_rendered(run: Run, connection: ZooKeeper, zk_root: str) -> None:
    """Both to stdout."""
    run("create", "-", stdin=json.dumps(minimal()))
    publish_rendered(connection, zk_root, **{"10-global": "global\n\tmaxconn   10\n"})

    assert "\n  maxconn   10\n" in run("lb-config", "web").stdout
    assert "\n\tmaxconn   10\n" in run("lb-config", "web", "--raw").stdout


def test_ping_and_version(run: Run) -> None:
    """The product's words."""
    assert run("ping").stdout == "pong\n"
    assert re.fullmatch(r"client = v\S+\nserver = v\S+\n", run("version").stdout)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "sentence"),
    [
        (["show", "none"], None, Exit.NOT_FOUND, "pool not found: none"),
        (["status", "none"], None, Exit.NOT_FOUND, "pool not found"),
        (["delete", "none"], None, Exit.NOT_FOUND, "pool not found"),
        (
            ["update", "-"],
            json.dumps(minimal()),
            Exit.NOT_FOUND,
            "pool not found: web; edgelb create POOL-FILE creates it",
        ),
        (["update", "-"], "{}", Exit.REFUSED, "pool.name: is required"),
        (["create", "-"], '{"name": "foo:bar"}', Exit.REFUSED, "pool.name: foo:bar invalid: did not match"),
        (["create", "-"], '{"name": ', Exit.USAGE, "stdin is not JSON"),
        (["create", "-"], '{"name": "a", "name": "b"}', Exit.USAGE, "name stands twice in one object"),
        (["create", "-"], "name: a\nhaproxy:\n  backends: []\n  backends: []\n", Exit.USAGE, "line 4, column 3"),
        (["create", "-"], " \n", Exit.USAGE, "stdin is empty"),
        (["create", "-"], "a: [", Exit.USAGE, "stdin is neither JSON nor YAML"),
        (["create", "-"], "[]", Exit.USAGE, "must hold one object"),
        (["create", "-"], "name: 2020-01-01", Exit.USAGE, "JSON cannot express"),
        (["create", "/no/such/file.json"], None, Exit.USAGE, "cannot be read: No such file"),
        (["create"], None, Exit.USAGE, "Missing argument"),
        (["list", "--api", "ftp://somewhere"], None, Exit.USAGE, "ftp://somewhere is no URL of the form"),
        (["nonsense"], None, Exit.USAGE, "No such command"),
    ],
)
def test_each_failure_has_its_exit_code_and_a_sentence_on_stderr(
    run: Run, arguments: list[str], stdin: str | None, code: Exit, sentence: str
) -> None:
    """Nothing goes to stdout."""
    result = run(*arguments, stdin=stdin, code=code)

    assert sentence in result.stderr
    assert result.stdout == ""


def test_several_refused_fields_are_a_list_with_a_line_for_each(run: Run) -> None:
    """What is not there yet is told from mistakes, and a documented regular expression is explained."""
    pool = minimal(name="my_bad", cout=2, cloudProvider={"aws": {}})
    refused = run("create", "-", stdin=json.dumps(pool), code=Exit.REFUSED)
    assert refused.stderr.splitlines() == [
        "Error: 3 fields of the pool are refused:",
        "  pool.name: my_bad invalid: did not match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
        " (lower case letters, digits and -, with a letter or digit at both ends)",
        "  pool.cout: 2 invalid: unknown field; did you mean count?",
        "  1 field is not supported yet (docs/reference/pool.md lists them):",
        "    pool.cloudProvider",
    ]
    many = run("create", "-", stdin=json.dumps({f"x{index}": 1 for index in range(50)}), code=Exit.REFUSED)
    assert many.stderr.splitlines()[-1] == "  and 31 more"


def test_a_pool_that_exists_is_refused_with_its_own_code(run: Run) -> None:
    """Scripts can tell it from other failures."""
    run("create", "-", stdin=json.dumps(minimal()))

    assert "exists already" in run("create", "-", stdin=json.dumps(minimal()), code=Exit.REFUSED).stderr


def test_no_answer_is_its_own_code_and_says_what_to_check(run: Run) -> None:
    """With the address, without credentials in it."""
    url = f"http://user:s3cret@127.0.0.1:{free_port()}"
    result = run("ping", "--api", url, code=Exit.UNREACHABLE)

    assert "--api or EDGELB_API" in result.stderr
    assert "s3cret" not in result.output


def test_a_server_that_is_not_ours_is_told_as_such(run: Run, scheduler: Scheduler) -> None:
    """Ports are mixed up easily; another server's words must not pass for an answer."""
    scheduler.answers["GET /ping"] = (200, b"hello")
    scheduler.answers["GET /config"] = (404, b"<h1>Not here</h1>")

    assert "not like the Edge-LB API: hello" in run("ping", "--api", scheduler.url, code=Exit.FAILED).stderr
    sentence = f"{scheduler.url} answered HTTP 404 (<h1>Not here</h1>); is that the Edge-LB API?"
    assert sentence in run("list", "--api", scheduler.url, code=Exit.FAILED).stderr


def test_uninstall_wants_a_yes_and_can_be_followed_to_its_end(
    run: Run, scheduler: Scheduler, connection: ZooKeeper, zk_root: str
) -> None:
    """Where nobody can be asked nothing is removed without --yes; what would go is named."""
    run("create", "-", stdin=json.dumps(minimal()))
    scheduler.answers["GET /v1/uninstall"] = (200, {"status": None, "message": "not asked for"})
    scheduler.answers["POST /v1/uninstall"] = (202, {"message": "stored"})
    refused = run("uninstall", code=Exit.USAGE)
    assert "the pools web: add --yes" in refused.stderr
    assert "POST /v1/uninstall" not in scheduler.calls

    assert "has begun" in run("uninstall", "--yes").stdout
    assert "POST /v1/uninstall" in scheduler.calls

    scheduler.answers["GET /v1/uninstall"] = (200, {"status": "IN_PROGRESS", "message": "2 instances are left"})
    late = run("uninstall", "--wait", "--timeout", "0", code=Exit.TIMEOUT)
    assert "the uninstall is not complete after 0 s: 2 instances are left" in late.stderr

    scheduler.answers["GET /v1/uninstall"] = (200, {"status": "COMPLETE", "message": "uninstalled"})
    connection.delete(f"{zk_root}/pools/web")
    assert "Nothing is left" in run("uninstall", "--wait").stdout
    assert scheduler.calls.count("POST /v1/uninstall") == 1


def test_verbose_tells_requests_but_no_token(run: Run) -> None:
    """The product printed it in clear."""
    result = run("ping", "--verbose", EDGELB_TOKEN="s3cret")

    assert "> GET" in result.stderr
    assert "s3cret" not in result.output


def test_options_may_stand_before_and_after_the_command(run: Run, server: str) -> None:
    """The one nearer to the command counts, and either counts before the environment."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert run("--api", nowhere, "ping", "--api", server, EDGELB_API="").stdout == "pong\n"
    run("--api", nowhere, "ping", code=Exit.UNREACHABLE, EDGELB_API="")
    run("--api", nowhere, "ping", code=Exit.UNREACHABLE, EDGELB_API=server)
    run("ping", "--api", nowhere, code=Exit.UNREACHABLE, EDGELB_API=server)
    assert run("ping", EDGELB_API=server).stdout == "pong\n"


def test_wait_tells_each_instance_and_ends_when_it_serves(
    run: Run, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """Plain lines where stderr is no terminal."""
    run("create", "-", stdin=json.dumps(minimal()))
    publish_rendered(connection, zk_root, pool_version=2)
    publish_instance(connection, zk_root, instance(), pool_version=2)
    say(scheduler, [pod()])
    result = run("update", "-", "--wait", stdin=json.dumps(minimal()))

    assert "pool web: ready: 1 of 1" in result.stderr
    assert (
        "edgelb-pool-0: TASK_RUNNING on agent0, serves configuration 3 (1 map changed, without a reload)"
        in result.stderr
    )


def test_wait_gives_up_after_its_timeout_with_the_reason(run: Run, scheduler: Scheduler) -> None:
    """The last thing known is in the sentence."""
    reasons = [{"count": 4, "reason": "ports 80 not free"}]
    say(scheduler, [pod(tasks=[], pending={"status": "PREPARED", "summary": "", "reasons": reasons})])
    result = run("create", "-", "--wait", "--timeout", "0", stdin=json.dumps(minimal()), code=Exit.TIMEOUT)

    assert "4 offers: ports 80 not free" in result.stderr


def test_wait_ends_at_once_when_haproxy_refuses_the_configuration(
    run: Run, connection: ZooKeeper, zk_root: str, scheduler: Scheduler
) -> None:
    """With HAProxy's message and a code of its own."""
    run("create", "-", stdin=json.dumps(minimal()))
    publish_rendered(connection, zk_root, pool_version=2)
    publish_instance(connection, zk_root, instance(version=2, verdict="rejected", rejected_version=3, error="bad word"))
    say(scheduler, [pod()])
    result = run("update", "-", "--wait", stdin=json.dumps(minimal()), code=Exit.REJECTED)

    assert "bad word" in result.stderr


def test_delete_with_wait_ends_when_nothing_is_left(run: Run) -> None:
    """Here nothing was ever placed."""
    run("create", "-", stdin=json.dumps(minimal()))
    result = run("delete", "web", "--wait")

    assert result.stdout == "Successfully deleted web. Nothing of it is left.\n"


def test_a_removal_that_is_held_can_be_accepted(run: Run, connection: ZooKeeper, zk_root: str) -> None:
    """The sentence is the record's; without one there is nothing to accept."""
    run("create", "-", stdin=json.dumps(minimal()))
    refused = run("accept-removal", "web", code=Exit.REFUSED)
    assert "no server of pool web is kept without a task" in refused.stderr
    problem = Problem.of(Revision("u1", 1), (), held=Held(since=17.5, reason="4 servers are kept in app"))
    assert problem is not None
    connection.ensure(f"{zk_root}/rendered/web")
    connection.create(f"{zk_root}/rendered/web/problem", encode_problem(problem))
    assert run("accept-removal", "web").stdout == "Accepted for web: 4 servers are kept in app.\n"
    assert connection.exists(f"{zk_root}/rendered/web/acceptance")


def test_warnings_of_the_server_go_to_stderr(run: Run) -> None:
    """Old fields without effect are told."""
    result = run("create", "-", "--json", stdin=json.dumps(minimal(namespace="a/b")))

    assert "Warning: pool.namespace" in result.stderr
    assert json.loads(result.stdout)["namespace"] == "a/b"


def test_every_command_has_help(run: Run) -> None:
    """All modules can be imported; the list of commands imports none."""
    listed: Any = run("--help").stdout
    for name in ("create", "update", "list", "show", "delete", "status", "endpoints", "lb-config", "ping", "version"):
        assert name in listed
        assert "Usage:" in run(name, "--help").stdout
    for name in ("accept-removal", "serve", "run", "doctor", "local", "marathon-app"):
        assert name in listed
        assert "Usage:" in run(name, "--help").stdout
    for name in ("scheduler", "listener", "template", "api"):
        assert f"Usage: cli run {name}" in run("run", name, "--help").stdout
    assert "Exit codes" in listed


def test_marathon_app_prints_what_marathon_takes(run: Run) -> None:
    """Ids, command and environment; addresses that only this machine understands are noted."""
    result = run("marathon-app", "--zk", "zk1:2181", "--mesos", "zk://zk1:2181/mesos", "--executable", "/opt/e/edgelb")
    app = json.loads(result.stdout)

    assert app["id"] == "/dcos-edgelb/api"
    assert app["cmd"].endswith("exec /opt/e/edgelb serve")
    assert (app["env"]["EDGELB_ZK"], app["env"]["EDGELB_MESOS"]) == ("zk1:2181", "zk://zk1:2181/mesos")
    assert result.stderr == ""
    assert "agents will look for it on themselves" in run("marathon-app").stderr


def test_marathon_app_of_an_unknown_framework_is_wrong_usage(run: Run) -> None:
    """With the names that there are."""
    assert "it has edgelb" in run("marathon-app", "--framework", "nope", code=Exit.USAGE).stderr


@pytest.mark.parametrize("name", SUPPORTED_V1)
def test_files_of_version_1_are_taken_as_they_are_and_stay_of_version_1(run: Run, name: str) -> None:
    """Also as a list of pools and in YAML; what is shown feeds update."""
    pool = json.loads(run("create", str(FOLDER / name), "--json").stdout)
    assert (pool["apiVersion"], "servers" in pool["haproxy"]["backends"][0]) == ("V1", True)
    shown = run("show", pool["name"], "--json").stdout
    assert json.loads(shown) == pool

    updated = json.loads(run("update", "-", "--json", stdin=shown).stdout)
    assert (updated.pop("etag")[-2:], pool.pop("etag")[-2:]) == ("-2", "-1")
    assert updated == pool
    assert rows(run("list").stdout)[1][:3] == [pool["name"], "V1", "1"]
    run("delete", pool["name"])


def test_a_pool_of_version_1_is_shown_in_the_same_tables(run: Run) -> None:
    """A pattern stands between slashes."""
    pool = minimal_v1()
    pool["haproxy"]["backends"][0]["servers"] += [
        {"type": "AGENT_IP", "task": {"value": "^a", "match": "REGEX"}, "check": {"enabled": False}},
        {"type": "VIP", "port": {"vip": "/myvip:1234"}},
    ]
    run("create", "-", stdin=json.dumps(pool))
    found = rows(run("show", "web").stdout)

    assert ["web", "V1", "1", "slave_public", "hostname:UNIQUE", "9090", "static"] in found
    assert ["app", "AUTO_IP", "marathon", "app", "web", "enabled"] in found
    assert ["app", "AGENT_IP", "/^a/", "first port", "disabled"] in found
    assert ["app", "VIP", "marathon", "/myvip:1234", "enabled"] in found


def test_a_file_of_version_1_may_hold_several_pools(run: Run) -> None:
    """One after the other; an error says which one it is about."""
    both = json.dumps({"pools": [minimal_v1(name="a"), minimal_v1(name="b")]})
    created = run("create", "-", stdin=both).stdout.splitlines()
    assert [line.split(".")[0] for line in created] == ["Successfully created a", "Successfully created b"]
    run("update", "-", "--if-match", "x", stdin=both, code=Exit.USAGE)

    wrong = json.dumps({"pools": [minimal_v1(name="a", count=2), minimal_v1(name="b", cout=2)]})
    refused = run("update", "-", stdin=wrong, code=Exit.REFUSED)
    assert refused.stdout.startswith("Successfully updated a.")
    assert refused.stderr == "Error: b: pool.cout: 2 invalid: unknown field; did you mean count?\n"


def test_what_the_api_has_as_its_whole_configuration_is_such_a_file(run: Run, server: str) -> None:
    """Of both versions, each pool in the container that tells which; so pools move from one system to another."""
    run("create", "-", stdin=json.dumps(minimal_v1(name="a")))
    run("create", "-", stdin=json.dumps(minimal(name="b")))
    answer = request("GET", f"{server}/config").json()
    for name in ("a", "b"):
        run("delete", name)

    run("create", "-", stdin=json.dumps(answer | {"poolTemplates": []}))
    assert request("GET", f"{server}/config").json() == answer
    assert (
        "poolTemplates beside"
        in run("create", "-", stdin='{"pools": [], "poolTemplates": [1]}', code=Exit.USAGE).stderr
    )
    (one, _) = answer["pools"]
    run("update", "-", stdin=json.dumps(one))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"pools": []}', "the list of pools is empty"),
        ('{"pools": [3]}', "pools must be an array of objects"),
        ('{"pools": {}}', "pools must be an array of objects"),
        ('{"pools": [{}], "pool": 1}', "pool beside the list of pools is unknown"),
    ],
)
def test_what_is_no_list_of_pools_is_refused_before_it_is_sent(run: Run, text: str, words: str) -> None:
    """Under the name of the file."""
    assert f"stdin: {words}" in run("create", "-", stdin=text, code=Exit.USAGE).stderr
