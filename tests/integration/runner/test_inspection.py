"""What the scheduler has in its hands, over HTTP: offers, reservations, calls, quarantine, endpoints; and pages."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from sdk.core.events import OffersReceived, StoringFailed, TargetWithdrawn
from sdk.http.app import make_app
from sdk.metrics import Metrics
from sdk.model.ids import OfferId
from sdk.model.spec import PortSpec
from tests.integration.runner.doubles import make_offer, service
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


@pytest.mark.parametrize("what", ["offers", "reservations", "calls", "quarantine"])
def test_a_standby_has_nothing_in_its_hands(bench: Bench, client: FlaskClient, what: str) -> None:
    """And says who has."""
    bench.runner.start()
    assert "standby" in _get(client, f"/v1/debug/{what}", 503)["message"]


def test_the_last_offers_are_told_with_what_became_of_them(bench: Bench, client: FlaskClient) -> None:
    """Accepted for what, declined, or unreadable; and why who waits did not fit."""
    bench.lead()
    small = replace(make_offer(1, "a1", "test"), resources=make_offer(1, "a1", "test").resources[1:])
    bench.master.feed.post(OffersReceived(offers=(small,), unreadable={OfferId("o9"): "it has no agent"}))
    odd, declined = wait_until(lambda: _get(client, "/v1/debug/offers")["offers"], what="the offers")
    assert (odd["ids"], odd["outcome"], odd["why"], odd["agent_id"]) == (["o9"], "unreadable", "it has no agent", None)
    assert (declined["ids"], declined["outcome"], declined["hostname"]) == (["o1"], "declined", "a1.example")
    [refusal] = declined["refusals"]
    assert refusal["instance"] == "web/pod-0"
    assert refusal["reasons"] == ["cpus: wants 0.1, offer has 0.0"]
    bench.master.feed.offer(2)
    wait_until(bench.master.launched, what="a launch")
    accepted = wait_until(lambda: _accepted(client), what="the accepted offer")
    task_id = bench.master.launched()[0].task_id
    assert accepted["operations"] == ["reserve", f"launch {task_id}"]
    first = _get(client, "/v1/debug/offers?limit=1")
    assert (len(first["offers"]), first["next"]) == (1, "o2")
    assert [each["ids"] for each in _get(client, "/v1/debug/offers?after=o2")["offers"]] == [["o9"], ["o1"]]


def _accepted(client: FlaskClient) -> Any:
    offers = _get(client, "/v1/debug/offers")["offers"]
    return next((offer for offer in offers if offer["outcome"] == "accepted"), None)


def test_reservations_and_calls_under_way_are_told(bench: Bench, client: FlaskClient) -> None:
    """A reservation is held by its instance; a task that has to end is killed until it has."""
    bench.lead()
    bench.launch()
    [held] = _get(client, "/v1/debug/reservations")["reservations"]
    assert (held["stage"], held["instance"], held["hostname"]) == ("held", "web/pod-0", "a1.example")
    assert {each["name"]: each["value"] for each in held["resources"]} == {"cpus": 0.1, "mem": 32.0}
    bench.runner.submit(TargetWithdrawn(service="web"))
    [kill] = [call for call in _get(client, "/v1/debug/calls")["calls"] if call["call"] == "KILL"]
    task_id = bench.master.launched()[0].task_id
    assert (kill["about"], kill["instance"], kill["name"]) == (task_id, "web/pod-0", f"KILL {task_id}")


def test_what_fails_is_told_by_its_part(bench: Bench, client: FlaskClient) -> None:
    """As long as it does."""
    bench.lead()
    assert _get(client, "/v1/debug/quarantine") == {"quarantine": [], "next": None}

    def told() -> Any:
        bench.runner.submit(StoringFailed(services={"web": "it is too large"}))
        return _get(client, "/v1/debug/quarantine")["quarantine"]

    [found] = wait_until(told, what="the quarantine, before its pause is over")
    assert (found["service"], found["part"]) == ("web", "storing what was decided")
    assert "it is too large" in found["why"]


def test_endpoints_are_the_ports_of_tasks_that_run(bench: Bench, client: FlaskClient) -> None:
    """With addresses, a name of Mesos-DNS and VIPs."""
    port = PortSpec(name="http", labels=(("VIP_0", "/web:80"), ("other", "x")))
    bench.plugin.services["web"] = service(ports=(port,))
    bench.lead()
    [found] = wait_until(lambda: _get(client, "/v1/services/web/endpoints")["endpoints"], what="the endpoint")
    assert (found["name"], found["vips"], found["instances"]) == ("pod-main-http", ["/web:80"], [])
    bench.launch()
    shown = _get(client, "/v1/services/web/endpoints/pod-main-http")
    [instance] = shown["instances"]
    number = bench.master.launched()[0].ports[0][1]
    assert (instance["instance"], instance["number"]) == ("pod-0", number)
    assert instance["dns"] == f"pod-0-main.test.mesos:{number}"
    assert "pod-main-http" in _get(client, "/v1/services/web/endpoints/no", 404)["message"]
    assert _get(client, "/v1/services/web/endpoints?after=pod-main-http") == {"endpoints": []}


def test_lists_come_in_pages(bench: Bench, client: FlaskClient) -> None:
    """Services by the header Link, pods and what is pending by `next`."""
    bench.plugin.services = {"a": service("a", 3), "b": service("b")}
    bench.lead()
    wait_until(lambda: len(_get(client, "/v1/services/a/pods")["pods"]) == 3, what="the pods")
    answer = client.get("/v1/services?limit=1")
    assert [each["name"] for each in answer.json] == ["a"]
    assert answer.headers["Link"] == '<?limit=1&after=a>; rel="next"'
    assert "Link" not in client.get("/v1/services").headers
    page = _get(client, "/v1/services/a/pods?limit=2")
    assert ([each["name"] for each in page["pods"]], page["next"]) == (["pod-0", "pod-1"], "pod-1")
    assert [each["name"] for each in _get(client, "/v1/services/a/pods?after=pod-1")["pods"]] == ["pod-2"]
    waits = _get(client, "/v1/pending?limit=3")
    assert (len(waits["pending"]), len(_get(client, f"/v1/pending?after={waits['next']}")["pending"])) == (3, 1)
    assert _get(client, "/v1/pending?limit=none", 400)["code"] == 400


def test_one_service_and_one_instance_are_as_in_the_lists(bench: Bench, client: FlaskClient) -> None:
    """404 with those that there are."""
    bench.lead()
    bench.launch()
    assert [_get(client, "/v1/services/web")] == _get(client, "/v1/services")
    assert [_get(client, "/v1/services/web/pods/pod-0")] == _get(client, "/v1/services/web/pods")["pods"]
    assert "it has pod-0" in _get(client, "/v1/services/web/pods/pod-7", 404)["message"]
    assert _get(client, "/v1/services/no", 404)["code"] == 404


def test_metrics_tell_plans_refusals_offers_and_when_something_went_well(bench: Bench) -> None:
    """Numbers in a reason make no series of their own."""
    client = make_app([(bench.runner, [])], bench.metrics).test_client()
    bench.lead()
    small = replace(make_offer(1, "a1", "test"), resources=make_offer(1, "a1", "test").resources[1:])
    bench.master.feed.post(OffersReceived(offers=(small,)))
    refused = 'sdk_refusals{framework="test",reason="cpus: wants N, offer has N"} 1.0'
    text = wait_until(lambda: text if refused in (text := client.get("/metrics").text) else "", what="the refusal")
    assert 'sdk_pending_instances{framework="test"} 1.0' in text
    assert re.search(r'sdk_plans\{framework="test",plan="deploy",status="(?!COMPLETE)[A-Z_]+"\} 1.0', text)
    assert 'sdk_offers_total{framework="test"} 1.0' in text
    bench.launch()
    text = client.get("/metrics").text
    assert 'sdk_offers_accepted_total{framework="test"} 1.0' in text
    assert 'sdk_plans{framework="test",plan="deploy",status="COMPLETE"} 1.0' in text
    assert "sdk_refusals{" not in text
    for what in ("event", "offers", "store", "call"):
        assert f'sdk_last_success_seconds{{framework="test",what="{what}"}}' in text
