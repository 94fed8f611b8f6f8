"""The routes of a framework over a runner with doubles at its edges: shapes, status codes, errors."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint
from flask.testing import FlaskClient

from sdk.codecs import encode
from sdk.core.events import PodActionRequested, StoringFailed
from sdk.core.snapshot import ServiceView
from sdk.http import configurations, views
from sdk.http.access import SharedSecret
from sdk.http.app import make_app
from sdk.http.errors import HttpError
from sdk.metrics import Metrics
from sdk.model.ids import AgentId, ConfigId, TaskId
from sdk.model.records import Budget, PodRecord, TaskRecord
from sdk.model.spec import PortSpec
from sdk.model.status import TaskState, TaskStatus
from sdk.plan.progress import Progress
from sdk.plan.steps import Refusals, StepView
from sdk.plan.views import PhaseView, PlanView
from sdk.storage.persister import Put
from tests.integration.runner.doubles import service
from tests.integration.runner.test_runner import Bench
from tests.support.wait import wait_until


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.runner.stop()


@pytest.fixture
def client(bench: Bench) -> FlaskClient:
    return make_app([(bench.runner, [])], Metrics()).test_client()


def _get(client: FlaskClient, path: str, status: int = 200) -> Any:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json


def test_a_standby_is_alive_and_not_ready(bench: Bench, client: FlaskClient) -> None:
    """Liveness is 200, readiness 503 with the reason, state tells, everything else 503."""
    bench.runner.start()
    assert _get(client, "/healthz") == {"status": "alive", "frameworks": ["test"]}
    assert "standby" in _get(client, "/readyz", 503)["message"]
    assert _get(client, "/v1/state")["leader"] is False
    assert _get(client, "/v1/services", 503)["code"] == 503
    assert _get(client, "/v1/details", 503)["code"] == 503
    assert client.post("/v1/uninstall", json={"confirm": "test"}).status_code == 503


@pytest.fixture
def guarded(bench: Bench) -> FlaskClient:
    plugins = Blueprint("plugins", __name__)

    @plugins.put("/v1/count")
    def count() -> str:
        return "changed"

    return make_app([(bench.runner, [plugins])], Metrics(), ways=[SharedSecret("s3cret", "the API")]).test_client()


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/uninstall"), ("POST", "/v1/services/web/pods/pod-0/restart"), ("PUT", "/v1/count")],
)
@pytest.mark.parametrize("given", [None, "Bearer other", "Bearer", "s3cret", "Basic s3cret", "Bearer s3cret ", "ü"])
def test_without_the_secret_nothing_can_be_changed(
    bench: Bench, guarded: FlaskClient, method: str, path: str, given: str | None
) -> None:
    """Neither by the SDK's routes nor by the plugin's; what may be read may be read by all."""
    bench.lead()
    headers = {} if given is None else {"Authorization": given}
    answer = guarded.open(path, method=method, json={"confirm": "test"}, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "s3cret" not in answer.text
    assert _get(guarded, "/v1/state")["phase"] == "leading"
    assert _get(guarded, "/v1/uninstall") == {"status": None, "message": "not asked for", "framework": "test"}


def test_with_the_secret_what_a_foreign_page_sends_is_refused_all_the_same(bench: Bench, guarded: FlaskClient) -> None:
    """Browsers send what they know."""
    bench.lead()
    headers = {"Authorization": "Bearer s3cret"}
    assert guarded.put("/v1/count", json={}, headers=headers).text == "changed"
    assert guarded.put("/v1/count", json={}, headers=headers | {"Origin": "http://evil.example"}).status_code == 403
    assert guarded.put("/v1/count", data="{}", headers=headers).status_code == 415


@pytest.mark.parametrize("body", [[], {}, {"confirm": "other"}])
def test_an_uninstall_names_the_framework(bench: Bench, client: FlaskClient, body: object) -> None:
    """In its body."""
    bench.lead()
    answer = client.post("/v1/uninstall", json=body)
    assert answer.status_code == 400
    assert '{"confirm": "test"}' in answer.json["message"]
    assert _get(client, "/v1/uninstall")["status"] is None


def test_the_state_of_a_leader_has_all_fields(bench: Bench, client: FlaskClient) -> None:
    """Framework, master, services, offers and suppressed roles."""
    bench.lead()
    state = _get(client, "/v1/state")
    assert state["framework"] == {
        "name": "test",
        "id": "framework-1",
        "state": "subscribed",
        "master": "master:5050",
        "error": None,
        "principal": None,
        "earlier_ids": [],
        "roles": ["test"],
        "kept": [],
    }
    assert (state["leader"], state["phase"], state["ready"], state["services"]) == (True, "leading", True, ["web"])
    ready = {"status": "ready", "framework": "test", "quarantined": [], "problems": [], "skipped": []}
    assert _get(client, "/readyz") == ready


def test_a_service_in_quarantine_is_told_everywhere(bench: Bench, client: FlaskClient) -> None:
    """Readiness, state, the list of services and metrics name it; the process stays ready."""
    bench.lead()

    def told() -> bool:
        bench.runner.submit(StoringFailed(services={"web": "it is too large"}))
        [service] = _get(client, "/v1/services")
        return (
            _get(client, "/readyz")["quarantined"] == ["web"]
            and _get(client, "/v1/state")["quarantined"] == ["web"]
            and service["status"] == "ERROR"
            and service["quarantine"]["why"] == "storing what was decided fails: it is too large"
            and service["quarantine"]["until"] > service["quarantine"]["since"]
            and 'sdk_quarantined_services{framework="test"} 1.0' in client.get("/metrics").text
        )

    wait_until(told, what="the quarantine, before its pause is over")
    wait_until(lambda: "quarantine" not in _get(client, "/v1/services")[0], what="the end of it")


def test_pods_and_plans_follow_the_task(bench: Bench, client: FlaskClient) -> None:
    """Pending before an offer, then running with its id, ports and agent; the plan completes."""
    bench.lead()
    (pod,) = wait_until(lambda: _get(client, "/v1/services/web/pods")["pods"], what="the pod")
    assert (pod["name"], pod["index"], pod["status"], pod["tasks"]) == ("pod-0", 0, "PENDING", [])
    assert pod["pending"]["status"] == "PREPARED"
    assert [one["pod"] for one in _get(client, "/v1/pending")["pending"]] == ["pod-0"]
    bench.launch()
    (pod,) = _get(client, "/v1/services/web/pods")["pods"]
    assert pod["status"] == "RUNNING"
    assert pod["pending"] is None
    task = pod["tasks"][0]
    assert (task["state"], task["hostname"], task["agent_id"]) == ("TASK_RUNNING", "a1.example", "a1")
    assert task["id"] == bench.master.launched()[0].task_id
    plans = {plan["name"]: plan for plan in _get(client, "/v1/services/web/plans")["plans"]}
    assert plans["deploy"]["status"] == "COMPLETE"
    assert _get(client, "/v1/pending") == {"pending": []}
    assert _get(client, "/v1/services") == [{"name": "web", "status": "COMPLETE", "pods": 1}]
    alone = _get(client, "/v1/services/web/plans") | _get(client, "/v1/services/web/pods")
    assert _get(client, "/v1/details") == {"services": {"web": alone}}


def test_actions_are_accepted_for_what_exists(bench: Bench, client: FlaskClient) -> None:
    """202 for restart and replace of a known instance, 404 with what there is otherwise."""
    bench.lead()
    bench.launch()
    assert client.post("/v1/services/web/pods/pod-0/restart", json={}).status_code == 202
    assert client.post("/v1/services/web/pods/pod-9/restart", json={}).status_code == 404
    assert client.post("/v1/services/no/pods/pod-0/restart", json={}).status_code == 404
    assert client.post("/v1/services/web/pods/pod-0/explode", json={}).status_code == 404
    assert client.get("/v1/services/web/pods/pod-0/restart", json={}).status_code == 405
    assert client.post("/v1/services/web/pods/pod-0/excuse", json={}).status_code == 202
    assert client.post("/v1/services/web/pods/pod-0/restart?grace=1.5", json={}).status_code == 202
    assert client.post("/v1/services/web/pods/pod-0/restart?grace=-1", json={}).status_code == 400
    assert client.post("/v1/services/web/pods/pod-0/restart?grace=soon", json={}).status_code == 400
    assert client.post("/v1/services/web/pods/pod-0/restart?grace=nan", json={}).status_code == 400
    assert client.post("/v1/services/web/pods/pod-0/pause?task=no", json={}).status_code == 404
    assert client.post("/v1/services/web/pods/pod-0/resume", json={}).status_code == 202
    assert client.post("/v1/renew", json={}).status_code == 409
    wait_until(lambda: [call for call in bench.master.calls if type(call).__name__ == "Kill"], what="a kill")


def test_nothing_is_promised_of_an_instance_that_nobody_wants(bench: Bench, client: FlaskClient) -> None:
    """It is being removed, or what it should be cannot be read: the answer says which."""
    bench.lead()
    bench.launch()
    bench.plugin.asked[-1].publish_all({})
    wait_until(lambda: [call for call in bench.master.calls if type(call).__name__ == "Kill"], what="a kill")
    answer = client.post("/v1/services/web/pods/pod-0/restart", json={})
    assert answer.status_code == 409
    assert "restart of pod-0 is not possible: it is being removed" in answer.text


def test_nothing_is_promised_while_nobody_knows_what_an_instance_should_be(bench: Bench, client: FlaskClient) -> None:
    """Its target cannot be read, and the plugin keeps it as it is."""
    path = f"{bench.store.path}/services/old"
    record = PodRecord(service="old", pod="pod", index=0)
    bench.persister.apply([Put(f"{path}/target", b"garbage"), Put(f"{path}/pods/pod-0", encode(record))])
    bench.plugin.took_charge = lambda targets: None  # type: ignore[method-assign]
    bench.lead()
    answer = client.post("/v1/services/old/pods/pod-0/replace", json={})
    assert answer.status_code == 409
    assert "replace of pod-0 is not possible: what it should be cannot be read" in answer.text


def test_configurations_tell_what_an_update_has_not_reached_and_what_it_changes(
    bench: Bench, client: FlaskClient
) -> None:
    """The instance keeps the one that it was ready with, until its agent offers the new one's port."""
    base = "/v1/services/web/configurations"
    bench.plugin.services["web"] = service(environment={"TOKEN": "s3cret-1"})
    bench.lead()
    bench.launch()
    [only] = _get(client, base)["configurations"]
    [instance] = only["instances"]
    assert (only["pod"], only["wanted"], only["stored"]) == ("pod", True, True)
    assert (instance["name"], instance["keeps"]) == ("pod-0", False)
    changed = service(environment={"TOKEN": "s3cret-2"}, ports=(PortSpec(name="http", number=7),))
    bench.plugin.asked[-1].publish(changed)
    new, old = wait_until(lambda: _two(_get(client, base)["configurations"]), what="the new configuration")
    assert (new["wanted"], new["instances"]) == (True, [])
    assert old == only | {"wanted": False, "instances": [instance | {"keeps": True}]}

    whole = _get(client, f"{base}/{old['id']}")
    assert {key: whole[key] for key in old} == old
    assert whole["spec"]["tasks"][0]["environment"] == {"TOKEN": "(hidden)"}
    found = _get(client, f"{base}/{old['id']}/diff")
    assert (found["old"], found["new"]) == (old["id"], new["id"])
    assert [(each["path"], each["old"]) for each in found["differences"]] == [
        ("tasks.main.ports.http", None),
        ("tasks.main.environment.TOKEN", "(hidden)"),
    ]
    assert found["differences"][0]["new"]["number"] == 7
    back = _get(client, f"{base}/{new['id']}/diff?with={old['id']}")
    assert (back["new"], back["differences"][0]["new"]) == (old["id"], None)
    assert _get(client, f"{base}/{new['id']}/diff")["differences"] == []
    assert "s3cret" not in "".join(map(str, (whole, found, back)))


def _two(found: list[Any]) -> list[Any] | None:
    return found if len(found) == 2 else None


def test_configurations_that_are_not_there_are_told_by_name(bench: Bench, client: FlaskClient) -> None:
    """404 with those that are; also for a service that is not there."""
    base = "/v1/services/web/configurations"
    bench.lead()
    [only] = wait_until(lambda: _get(client, base)["configurations"], what="the configuration")
    for path in ("/nope", "/nope/diff", f"/{only['id']}/diff?with=nope"):
        message = f"service web has no configuration 'nope'; it has {only['id']}"
        assert _get(client, f"{base}{path}", 404)["message"] == message
    assert _get(client, "/v1/services/no/configurations", 404)["code"] == 404
    assert client.post(f"{base}/{only['id']}", json={}).status_code == 405


def test_a_configuration_that_is_not_stored_any_more_says_so() -> None:
    """An instance runs it, and will not be launched with it again."""
    status = TaskStatus(task_id=TaskId("t"), state=TaskState.RUNNING)
    task = TaskRecord(
        name="main",
        task_id=TaskId("t"),
        agent_id=AgentId("a"),
        hostname="h",
        config=ConfigId("gone"),
        status=status,
        launched_at=1.0,
        changed_at=1.0,
    )
    pods = (PodRecord(service="web", pod="pod", index=0, tasks=(task,)),)
    view = ServiceView(name="web", status=Progress.IN_PROGRESS, removing=True, plans=(), pods=pods)
    [found] = configurations.listed(view)["configurations"]
    assert (found["id"], found["stored"], found["wanted"]) == ("gone", False, False)
    with pytest.raises(HttpError, match="is not stored any more: pod-0 was launched with it") as caught:
        configurations.shown(view, "gone")
    assert caught.value.code == 404
    with pytest.raises(HttpError) as caught:
        configurations.compared(view, "gone", None)
    assert caught.value.code == 400


def test_an_action_that_cannot_be_stored_in_time_is_not_promised(bench: Bench) -> None:
    """While storage is away the answer is an error, not 202."""
    bench.lead()
    bench.launch()
    bench.persister.down.set()
    with pytest.raises(TimeoutError):
        bench.runner.submit(PodActionRequested(service="web", pod="pod-0", action="restart"), timeout=0.3)
    bench.persister.down.clear()


def test_several_frameworks_live_below_their_names() -> None:
    """`/frameworks/<name>` for each, health for all at the root."""
    one, two = Bench(), Bench()
    two.runner.name = "second"
    client = make_app([(one.runner, []), (two.runner, [])], Metrics()).test_client()
    try:
        one.lead()
        two.runner.start()
        assert _get(client, "/frameworks/test/readyz")["framework"] == "test"
        assert _get(client, "/frameworks/second/readyz", 503)["code"] == 503
        assert "second: standby" in _get(client, "/readyz", 503)["message"]
        assert _get(client, "/v1/state", 404)["message"] == "there is no /v1/state here; GET / tells what there is"
        assert "frameworks" in _get(client, "/healthz")
        for href in _get(client, "/")["links"].values():
            assert client.get(f"/{href}").status_code == 200, href
        for href in _get(client, "/frameworks/test/")["links"].values():
            assert client.get(f"/frameworks/test/{href}").status_code == 200, href
    finally:
        one.runner.stop()
        two.runner.stop()


def test_metrics_count_what_happened(bench: Bench) -> None:
    """Events, calls and gauges with the framework's name."""
    client = make_app([(bench.runner, [])], bench.runner._metrics).test_client()
    bench.lead()
    bench.launch()
    text = client.get("/metrics").text
    assert 'sdk_leader{framework="test"} 1.0' in text
    assert 'sdk_subscribed{framework="test"} 1.0' in text
    assert 'sdk_calls_total{framework="test",type="Accept"} 1.0' in text
    assert 'sdk_services{framework="test",status="COMPLETE"} 1.0' in text


def test_plans_are_interrupted_and_continued(bench: Bench, client: FlaskClient) -> None:
    """Stored before the answer, shown in the plan, and said with the reason when it cannot be done."""
    bench.lead()
    bench.launch()

    def say(path: str, status: int, **fields: Any) -> str:
        answer = client.post(f"/v1/services/web/plans/{path}", json=fields)
        assert answer.status_code == status, answer.text
        return str(answer.json["message"])

    assert say("recovery/interrupt", 202) == "plan recovery is interrupted: nothing of it begins"
    assert bench.persister.get("/r/frameworks/test/services/web/plans/recovery") is not None
    plan = _get(client, "/v1/services/web/plans/recovery")
    assert (plan["interrupted"], plan["status"]) == (True, "COMPLETE")
    assert say("recovery/interrupt", 202) == "plan recovery is interrupted already"
    assert say("recovery/continue", 202) == "plan recovery goes on"
    assert "interrupted" not in _get(client, "/v1/services/web/plans/recovery")
    assert bench.persister.get("/r/frameworks/test/services/web/plans/recovery") is None
    assert "runs whenever it has something to do" in say("deploy/start", 409)
    assert "'explode' is no command" in say("deploy/explode", 404)
    assert "has no plan 'backup'; it has deploy, update" in say("backup/start", 404)
    assert "has no phase 'x'" in say("deploy/restart?phase=x", 404)
    assert "JSON object of strings" in say("deploy/start", 400, TO=1)
    broken = client.post("/v1/services/web/plans/deploy/start", data=b'{"TO": ', content_type="application/json")
    assert (broken.status_code, "is not JSON" in broken.text) == (400, True)
    assert client.post("/v1/services/no/plans/deploy/interrupt", json={}).status_code == 404
    assert client.get("/v1/services/web/plans/deploy/interrupt").status_code == 405


def test_a_configuration_is_gone_back_to_and_forward_again(bench: Bench, client: FlaskClient) -> None:
    """Listed with what it was; the pin is stored before the answer, and what was published is told beside it."""
    bench.lead()
    bench.launch()
    [old] = _get(client, "/v1/services/web/configurations")["configurations"]
    assert client.post(f"/v1/services/web/configurations/{old['id']}/rollback", json={}).status_code == 409
    bench.plugin.asked[-1].publish(service(labels=(("version", "2"),)))
    new, found = wait_until(
        lambda: _two(_get(client, "/v1/services/web/configurations")["configurations"]), what="both configurations"
    )
    assert (found["id"], found["stored"], new["wanted"]) == (old["id"], True, True)
    path = f"/v1/services/web/configurations/{old['id']}/rollback"
    for body in ({"by": 1}, {"by": "a" * 121}, ["ada"], "ada", 1):
        assert client.post(path, json=body).status_code == 400, body
    assert client.post(path, data=b"{", content_type="application/json").status_code == 400
    answer = client.post(path, json={"by": "ada"})
    assert (answer.status_code, answer.json["message"]) == (
        202,
        f"pod goes back to {old['id']}, and stays so until it is unpinned",
    )
    back, kept = _get(client, "/v1/services/web/configurations")["configurations"]
    assert (back["id"], back["wanted"], back["pinned"]["by"]) == (old["id"], True, "ada")
    assert (kept["id"], kept["wanted"], kept["published"]) == (new["id"], False, True)
    assert "pinned" in _get(client, "/v1/services/web/plans/update")["message"]
    assert client.post("/v1/services/web/unpin?pod=x", json={}).status_code == 404
    assert client.post("/v1/services/web/unpin", json={}).status_code == 202
    first, _ = _get(client, "/v1/services/web/configurations")["configurations"]
    assert (first["id"], first["wanted"], "pinned" in first) == (new["id"], True, False)
    assert client.post("/v1/services/web/configurations/x/rollback", json={}).status_code == 404


def test_the_budget_is_told_and_changed(bench: Bench, client: FlaskClient) -> None:
    """Stored before the answer; what is no budget is refused."""
    assert _get(client, "/v1/budget", 503)["code"] == 503
    bench.lead()
    told = {"replacements": {"limit": 5, "now": 0}, "unavailable": {"limit": None, "now": 0}}
    assert _get(client, "/v1/budget") == told
    assert client.post("/v1/budget", json={"replacements": 0, "unavailable": 3}).status_code == 202
    assert [found["limit"] for found in _get(client, "/v1/budget").values()] == [0, 3]
    assert bench.store.load_framework().budget == Budget(replacements=0, unavailable=3)  # type: ignore[union-attr]
    for odd in (
        {"replacements": -1, "unavailable": None},
        {"replacements": True, "unavailable": 1},
        {"unavailable": 1},
    ):
        assert client.post("/v1/budget", json=odd).status_code == 400


def test_why_something_is_pending_is_one_line() -> None:
    """Counts of offers by reason, else the step's own sentence; an instance without a record is listed too."""
    refused = StepView(
        name="pod-1",
        status=Progress.PREPARED,
        message="waits",
        pod="pod-1",
        refusals=(Refusals(count=2, reason="ports 80 not free"), Refusals(count=1, reason="role missing")),
        waits="agent1 is drained; waits for an offer of another agent",
    )
    delayed = StepView(name="pod-0", status=Progress.DELAYED, message="waits 3 s", pod="pod-0")
    phase = PhaseView(name="pod", strategy="serial", status=Progress.IN_PROGRESS, steps=(delayed, refused))
    service = ServiceView(
        name="web",
        status=Progress.IN_PROGRESS,
        removing=False,
        plans=(PlanView(name="deploy", status=Progress.IN_PROGRESS, phases=(phase,)),),
        pods=(PodRecord(service="web", pod="pod", index=0),),
    )
    pods = views.pods(service)["pods"]
    summaries = [pod["pending"]["summary"] for pod in pods]
    assert summaries == ["waits 3 s", "2 offers: ports 80 not free; 1 offer: role missing"]
    assert [pod["pending"]["waits"] for pod in pods] == ["", refused.waits]
    assert pods[1]["index"] == 1


def test_the_page_that_mesos_links_to_says_what_is_here(bench: Bench) -> None:
    """Every link leads somewhere; a browser gets HTML."""
    client = make_app([(bench.runner, [])], Metrics()).test_client()
    found = client.get("/").json
    assert found["name"] == "framework test"
    for href in found["links"].values():
        assert client.get(f"/{href}").status_code in (200, 503), href
    page = client.get("/", headers={"Accept": "text/html"})
    assert (page.mimetype, '<a href="v1/state">' in page.text) == ("text/html", True)
