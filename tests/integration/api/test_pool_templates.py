"""Pool templates over HTTP and from the command line."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.auto_pools.dialects import Dialects
from api.auto_pools.templates.language.form import default_text, with_name
from api.auto_pools.templates.task_page import page_of, written_page
from api.auto_pools.templates.template_store import TemplateStore
from api.auto_pools.thread.answers import DEPLOYED
from api.cli.exits import Exit
from api.mesos_listener.task import Port, Task
from api.process.health import HealthServer
from api.validation.trials import Trials
from api.web.app import create_app
from pool_executor.contract import encode_status
from scheduler.pools.model import PoolType
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper, encode_json
from tests.integration.api.test_cli import Run, no_server_logs, rows, run
from tests.support.pools import minimal
from tests.unit.api.test_metadata import INSTANCE

pytestmark = pytest.mark.integration
__all__ = ["no_server_logs", "run"]  # fixtures

TWO = '{% extends "default" %}\n{% block pool %}\n{"count": 2}\n{% endblock %}\n'
PATH = "/v2/pooltemplates/web/template"
JSON = {"Accept": "application/json"}
TASKS = {"f": {"web.1": {"status": "OK", "message": "", "uris": ["http://10.0.0.1/"]}}}


def put(client: FlaskClient, text: str, query: str = "", **headers: str) -> TestResponse:
    return client.put(f"{PATH}{query}", data=text, content_type="text/plain", headers={**JSON, **headers})


def exposed(told: dict[str, Any], query: Mapping[str, str]) -> object:
    """A page of what the test says that runs."""
    page = page_of(told.get("tasks", ()), int(query["after"]), complete=told.get("complete", True), dialects=Dialects())
    return written_page(page)


def task(app: str, number: int = 1, **labels: str) -> Task:
    """Of an application with a host of its own."""
    said = {"edgelb.expose": "true", "edgelb.template": "web", f"edgelb.{app}.frontend.rules": f"hostEq:{app}.test"}
    return Task(
        id=f"{app}.{number}",
        framework_id="f",
        framework_name="marathon",
        name=app,
        state="TASK_RUNNING",
        marathon=True,
        marathon_id=f"/{app}",
        ports=(Port(name="http", number=31000 + number),),
        labels=tuple(sorted({**said, **{f"edgelb.{app}.{name}": text for name, text in labels.items()}}.items())),
    )


@pytest.fixture
def statuses(connection: ZooKeeper, zk_root: str) -> Iterator[dict[str, Any]]:
    """What a template process in charge tells of each template."""
    told: dict[str, Any] = {}

    def answer(query: Mapping[str, str]) -> dict[str, Any]:
        told["asked"] = dict(query)
        return {"pools": told.get(query.get("template", ""), {})}

    server = HealthServer(
        "127.0.0.1:0",
        name="template",
        healthy=lambda: None,
        ready=lambda: None,
        gauges={},
        questions={"/auto-pools": answer, "/exposed": lambda query: {"exposed": exposed(told, query)}},
    )
    server.start()
    holder = {"id": "t", "url": f"http://{server.address}", "pid": 7, "since": 0}
    connection.put(f"{zk_root}/locks/template/holder", encode_json(holder))
    yield told
    server.stop()


def test_a_template_is_made_shown_and_deleted(client: FlaskClient) -> None:
    """Under both spellings."""
    for base in ("/v2/pooltemplates", "/v2/poolTemplates"):
        assert (client.get(base).status_code, client.get(base).json) == (200, [])
        made = client.post(base, json={"name": "web"})
        assert (made.status_code, made.json) == (200, {"name": "web"})
        assert client.get(base).json == client.get("/config").json["poolTemplates"] == [{"name": "web"}]
        again = client.post(base, json={"name": "web"})
        assert (again.status_code, again.json["message"][:32]) == (409, "pool template web exists already")
        text = client.get(f"{base}/web/template")
        assert (text.status_code, text.mimetype, text.headers["ETag"]) == (200, "text/plain", made.headers["ETag"])
        assert text.text == with_name(default_text(), "web")
        assert "__ELB" not in text.text
        gone = client.delete(f"{base}/web")
        assert (gone.status_code, gone.data) == (204, b"")
        assert client.delete(f"{base}/web").json == {"code": 404, "message": "pool template web not found"}


def test_a_text_is_stored_shown_and_reset(client: FlaskClient, connection: ZooKeeper, zk_root: str) -> None:
    """The default one is not kept as a copy, so that it is that of each release."""
    assert put(client, TWO).status_code == 404
    client.post("/v2/pooltemplates", json={"name": "web"})
    stored = put(client, TWO)
    assert (stored.status_code, stored.text) == (200, TWO)
    assert client.get(PATH).text == TWO
    assert client.get(PATH).headers["ETag"] == stored.headers["ETag"]
    reset = client.delete(PATH)
    assert (reset.status_code, reset.text) == (200, with_name(default_text(), "web"))
    put(client, TWO)
    assert put(client, reset.text).text == reset.text
    kept = TemplateStore(connection, zk_root).get("web")
    assert kept is not None
    assert (kept.text, kept.revision.version) == ("", 5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ range .Tasks }}", "pool template line 1: '{{ range' is of the Go templates of DC/OS Edge-LB"),
        (TWO.replace("2}", "2"), "pool template line 3: what is printed for block pool is not JSON"),
        (
            TWO.replace("count", "cout"),
            "pool template line 3: pool.cout: 2 invalid: unknown field; did you mean count?",
        ),
        (
            '{% extends "default" %}\n{% block backend %}\n{"balanced": 1}\n{% endblock %}',
            "pool template line 3: balanced: 1 invalid: unknown field; did you mean balance? (backend __default__)",
        ),
        (
            '{% extends "default" %}\n{% block frontend %}{"miscStrs": ["http-request nonsense"]}{% endblock %}',
            "pool template: makes a pool that is refused: pool.haproxy.frontends[1].miscStrs[0]: HAProxy",
        ),
        ('{"count": {{ tasks[0].count }}}', "pool template line 1: cannot be printed"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_with_its_line(client: FlaskClient, text: str, told: str) -> None:
    """Also when that shows only with an application, or to HAProxy; what was stored stays."""
    client.post("/v2/pooltemplates", json={"name": "web"})
    refused = put(client, text)
    assert refused.status_code == 400
    assert refused.json["message"].startswith(told)
    assert client.get(PATH).text == with_name(default_text(), "web")


def test_what_applications_that_are_made_up_do_not_have_is_a_warning(client: FlaskClient) -> None:
    """Real ones may have it."""
    client.post("/v2/pooltemplates", json={"name": "web"})
    chosen = '{% extends "default" %}\n{% block tasks %}{{ task.labels["edgelb.mine"] }}{% endblock %}'
    whole = '{"count": {% for task in tasks %}{{ task.labels["edgelb.mine"] }}{% else %}1{% endfor %}}'
    for text, line in ((chosen, 2), (whole, 1)):
        stored = put(client, text)
        assert stored.status_code == 200
        assert stored.headers["X-Edgelb-Warning"].startswith(
            f"with an application that was made up: pool template line {line}: cannot be printed"
        )


def warnings(answer: TestResponse) -> list[str]:
    return answer.headers.getlist("X-Edgelb-Warning")


ODD = '{% extends "default" %}\n{% block backend %}\n{"minimumServers": {{ NUMBERS[backend.name] }}}\n{% endblock %}'


def test_a_text_is_tried_with_the_tasks_that_run(client: FlaskClient, statuses: dict[str, Any]) -> None:
    """Whom it harms is told before it is stored; who is harmed already is not told again."""
    client.post("/v2/pooltemplates", json={"name": "web"})
    statuses["tasks"] = [task("shop"), task("shop", 2), task("blog"), task("news", protocol="x"), task("wrong")]
    text = ODD.replace("NUMBERS", str({"__default__": 1, "shop": 2, "news": 3, "blog": 1}))
    for query in ("?dryRun=true", ""):
        done = put(client, text, query)
        assert done.status_code == 200, done.text
        [told] = warnings(done)
        assert told.startswith("/wrong: edgelb.wrong: is not possible: pool template line 3: cannot be printed")
    assert warnings(put(client, text)) == []
    policy = '{% extends "default" %}{% block policy %}{"rules": [{"hosts": ["blog.test"]}]}{% endblock %}'
    shop, wrong = warnings(put(client, policy, "?dryRun=true"))
    assert shop.startswith("/shop (2 tasks): edgelb.shop.frontend.rules: hostEq:shop.test is not allowed: the policy")
    assert wrong.startswith("/wrong: edgelb.wrong.frontend.rules: hostEq:wrong.test is not allowed: the policy")
    assert client.get(PATH).text == text


BEGIN = '{% extends "default" %}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ODD.replace("NUMBERS", str({"__default__": 1, "shop": 1})), "pool template line 3: cannot be printed"),
        (
            BEGIN + "{% block frontend %}{% if frontend.bindPort == 81 %}{{ x.y }}{% endif %}{% endblock %}",
            "pool template line 2: cannot be printed",
        ),
        (
            BEGIN + '{% block tasks %}{{ "true" if task.app.name in ("/web", "/shop") }}{% endblock %}',
            "pool template line 2: block tasks must print true or false",
        ),
        ('{"count": {{ {"web": 1, "shop": 1}[tasks[0].name] }}}', "pool template line 1: cannot be printed"),
        (
            BEGIN + "{% block backend %}"
            '{"miscStrs": [{% if backend.name == "blog" %}"http-request nonsense"{% endif %}]}{% endblock %}',
            "pool template: makes a pool that is refused: pool.haproxy.backends[0].miscStrs[0]",
        ),
    ],
)
def test_a_text_that_is_of_no_use_for_the_tasks_that_run_is_refused(
    client: FlaskClient, statuses: dict[str, Any], text: str, told: str
) -> None:
    """Although it is good for applications that are made up; what was stored stays."""
    client.post("/v2/pooltemplates", json={"name": "web"})
    assert put(client, text, "?dryRun=true").status_code == 200
    statuses["tasks"] = [task("blog", **{"frontend.port": "81"}), task("blog", 2, **{"frontend.port": "81"})]
    refused = put(client, text)
    assert refused.status_code == 400
    assert refused.json["message"].startswith(told)
    assert client.get(PATH).text == with_name(default_text(), "web")


def test_with_which_tasks_a_text_was_not_tried_is_told(client: FlaskClient, statuses: dict[str, Any]) -> None:
    """It is stored all the same; the status tells of them later."""
    client.post("/v2/pooltemplates", json={"name": "web"})
    statuses["tasks"] = [task(f"app-{number}") for number in range(1200)]
    assert warnings(put(client, TWO)) == []
    statuses["complete"] = False
    [told] = warnings(put(client, TWO))
    assert "does not know all of them yet" in told


def test_words_of_haproxy_can_be_forbidden(connection: ZooKeeper, zk_root: str) -> None:
    """As in any pool."""
    trials = Trials(raw_strings=False)
    try:
        client = create_app(connection, zk_root, version="v9.9.9", trials=trials).test_client()
        client.post("/v2/pooltemplates", json={"name": "web"})
        refused = put(client, '{% extends "default" %}{% block backend %}{"miscStrs": ["fullconn 7"]}{% endblock %}')
        assert refused.status_code == 400
        assert "miscStrs" in refused.json["message"]
    finally:
        trials.stop()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "poolTemplate.name: is required"),
        ({"name": 7}, "poolTemplate.name: 7 invalid: is required, a string"),
        ({"name": "Team"}, "poolTemplate.name: Team invalid: must be of lower case letters"),
        ({"name": "x" * 60}, "must not be longer than 58 characters"),
        ({"name": "web", "text": "x"}, "poolTemplate.text: x invalid: unknown field; there is name"),
        ([], "poolTemplate: must be an object"),
    ],
)
def test_what_is_no_template_is_refused(client: FlaskClient, body: object, told: str) -> None:
    """With the field, the value and the rule."""
    refused = client.post("/v2/pooltemplates", json=body)
    assert refused.status_code == 400
    assert told in refused.json["message"]


def test_changes_are_made_under_conditions(client: FlaskClient) -> None:
    """As those of pools."""
    first = client.post("/v2/pooltemplates", json={"name": "web"}).headers["ETag"]
    second = put(client, TWO, **{"If-Match": first})
    lost = put(client, TWO, **{"If-Match": first})
    assert (lost.status_code, lost.json["message"][:55]) == (
        412,
        "pool template web was changed by somebody else in betwe",
    )
    assert client.delete("/v2/pooltemplates/web", headers={"If-Match": first}).status_code == 412
    assert client.delete(PATH, headers={"If-Match": first}).status_code == 412
    assert client.delete("/v2/pooltemplates/no", headers={"If-Match": first}).status_code == 412
    assert client.delete("/v2/pooltemplates/web", headers={"If-Match": second.headers["ETag"]}).status_code == 204


def test_a_rehearsal_is_refused_as_the_change_would_be_and_changes_nothing(client: FlaskClient) -> None:
    """Whatever it is a rehearsal of."""
    assert client.post("/v2/pooltemplates?dryRun=true", json={"name": "web"}).json == {"name": "web"}
    assert client.get("/v2/pooltemplates").json == []
    client.post("/v2/pooltemplates", json={"name": "web"})
    assert client.post("/v2/pooltemplates?dryRun=true", json={"name": "web"}).status_code == 409
    assert put(client, TWO, "?dryRun=true").text == TWO
    assert put(client, "{% if %}", "?dryRun=true").status_code == 400
    assert client.delete("/v2/pooltemplates/web?dryRun=true").status_code == 204
    assert client.delete("/v2/pooltemplates/no?dryRun=true").status_code == 404
    assert client.get(PATH).text == with_name(default_text(), "web")


def test_the_status_is_what_the_template_process_tells(client: FlaskClient, statuses: dict[str, Any]) -> None:
    """One that it has not seen yet is new."""
    assert client.get("/v2/pooltemplates/web/status").status_code == 404
    client.post("/v2/pooltemplates", json={"name": "web"})
    new = client.get("/v2/pooltemplates/web/status").json
    assert new["auto-web"]["status"] == "NEW"
    statuses["web"] = {"auto-web": {"status": "OK", "message": "fine", "statuses": TASKS}}
    assert client.get("/v2/poolTemplates/web/status").json == statuses["web"]
    assert statuses["asked"] == {"template": "web"}


def test_the_template_process_is_told_where_load_balancers_are(
    client: FlaskClient, connection: ZooKeeper, zk_root: str, statuses: dict[str, Any]
) -> None:
    """So that it can say under which addresses tasks can be reached."""
    client.post("/v2/pooltemplates", json={"name": "web"})
    for at in (1, 2):
        connection.put(
            f"{zk_root}/instances/auto-web/t{at}", encode_status(replace(INSTANCE, addresses=(f"10.0.0.{at}",)))
        )
    client.get("/v2/pooltemplates/web/status")
    assert statuses["asked"] == {"template": "web", "addresses": "10.0.0.1,10.0.0.2"}


def test_a_pool_that_is_not_ready_yet_is_not_told_to_be_deployed(
    client: FlaskClient, statuses: dict[str, Any], connection: ZooKeeper, zk_root: str
) -> None:
    """The template process only knows that it is stored; what else it says stays."""
    client.post("/v2/pooltemplates", json={"name": "web"})
    statuses["web"] = {"auto-web": {"status": "OK", "message": f"{DEPLOYED}; and more", "statuses": TASKS}}
    PoolStore(connection, zk_root).create(replace(load_pool(minimal(name="auto-web")), type=PoolType.DYNAMIC))
    told = client.get("/v2/pooltemplates/web/status").json["auto-web"]
    assert (told["status"], told["statuses"]) == ("OK", TASKS)
    assert told["message"].startswith("pool auto-web is deploying: version 1 of the pool has not been rendered yet")
    assert told["message"].endswith("; edgelb status auto-web tells more; and more")


def test_without_a_template_process_the_status_cannot_be_told(client: FlaskClient) -> None:
    """503, and what to look at."""
    client.post("/v2/pooltemplates", json={"name": "web"})
    answer = client.get("/v2/pooltemplates/web/status")
    assert (answer.status_code, answer.json["message"][:33]) == (503, "no template process is in charge:")


def test_the_commands_do_the_same(run: Run, statuses: dict[str, Any], tmp_path: Path) -> None:
    """With the words that the product had."""
    created = run("pool-template", "create", "web").stdout
    assert created == (
        'Successfully created web. Check "edgelb pool-template show web" or "edgelb pool-template status web" for'
        " deployment status\n"
    )
    assert json.loads(run("pool-template", "create", "other", "--json").stdout) == {"name": "other"}
    assert rows(run("pool-template", "list").stdout) == [["NAME"], ["other"], ["web"]]
    assert json.loads(run("pool-template", "list", "--json").stdout) == [{"name": "other"}, {"name": "web"}]
    (tmp_path / "t").write_text(TWO)
    assert run("pool-template", "update", "web", str(tmp_path / "t")).stdout == TWO
    assert run("pool-template", "show", "web").stdout == TWO
    dry = run("pool-template", "update", "web", "-", "--dry-run", stdin=with_name(default_text(), "web"))
    assert dry.stdout == with_name(default_text(), "web")
    assert run("pool-template", "show", "web").stdout == TWO
    refused = run("pool-template", "update", "web", "-", stdin="{% if %}", code=Exit.REFUSED)
    assert "Error: pool template line 1: is not a template" in refused.stderr
    assert run("pool-template", "reset", "web").stdout.startswith("Successfully reset Pool Template web. Check ")
    assert run("pool-template", "show", "web").stdout == with_name(default_text(), "web")
    assert run("pool-template", "delete", "other").stdout.startswith("Successfully deleted other. ")
    assert "pool template other not found" in run("pool-template", "delete", "other", code=Exit.NOT_FOUND).stderr
    assert "pool template other not found" in run("pool-template", "show", "other", code=Exit.NOT_FOUND).stderr


def test_the_status_is_a_table_of_the_pool_and_its_tasks(run: Run, statuses: dict[str, Any]) -> None:
    """Its exit code says whether something has to be mended."""
    run("pool-template", "create", "web")
    run("pool-template", "status", "web", code=Exit.UNHEALTHY)
    late = run("pool-template", "status", "web", "--wait", "--timeout", "0", code=Exit.TIMEOUT)
    assert "has not been looked at within 0 s" in late.stderr
    statuses["web"] = {"auto-web": {"status": "OK", "message": "fine " * 30, "statuses": TASKS}}
    found = run("pool-template", "status", "web", "--wait").stdout
    first, _, second = found.partition("\n\n")
    assert rows(first)[:2] == [["NAME", "STATUS", "MESSAGE"], ["auto-web", "OK", ("fine " * 16).strip()]]
    assert rows(second) == [["TASK ID", "STATUS", "MESSAGE", "URIS"], ["web.1", "OK", "http://10.0.0.1/"]]
    assert json.loads(run("pool-template", "status", "web", "--json").stdout) == statuses["web"]
    statuses["web"]["auto-web"]["status"] = "RENDER_ERR"
    run("pool-template", "status", "web", code=Exit.UNHEALTHY)
