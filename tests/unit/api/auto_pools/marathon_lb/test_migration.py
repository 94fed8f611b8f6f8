"""Labels of Marathon-LB as labels that ask for the same here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.balancer_groups import ALL, BalancerGroups
from api.auto_pools.claim import App
from api.auto_pools.labels import read_exposure
from api.auto_pools.marathon_lb import MarathonApp, Migration, migrate, read_apps, read_marathon_lb
from tests.unit.api.auto_pools.marathon_lb.test_marathon_lb import labels as hostile

DATA = Path(__file__).parents[4] / "data" / "labels"
DOCUMENTED = json.loads((DATA / "migration-marathon-lb-label-map.json").read_text())
#: A value of each label of the documented table, and what else the application says.
VALUES = {
    "HAPROXY_0_BALANCE": ("leastconn", {}),
    "HAPROXY_0_ENABLED": ("true", {}),
    "HAPROXY_GROUP": ("internal", {}),
    "HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH": ("/a", {"HAPROXY_0_VHOST": "a.test"}),
    "HAPROXY_0_HTTP_BACKEND_REVPROXY_PATH": ("/a", {"HAPROXY_0_VHOST": "a.test"}),
    "HAPROXY_0_MODE": ("tcp", {}),
    "HAPROXY_0_PATH": ("/x", {"HAPROXY_0_VHOST": "a.test"}),
    "HAPROXY_0_PORT": ("8080", {}),
    "HAPROXY_0_REDIRECT_TO_HTTPS": ("true", {"HAPROXY_0_VHOST": "a.test"}),
    "HAPROXY_0_SSL_CERT": ("/etc/ssl/a.pem", {}),
    "HAPROXY_0_STICKY": ("true", {"HAPROXY_0_VHOST": "a.test"}),
    "HAPROXY_0_VHOST": ("a.test", {}),
}


def app(labels: dict[str, str], **others: Any) -> MarathonApp:
    """As Marathon tells it."""
    [found] = read_apps(
        {"id": "/shop/web", "labels": labels, "portDefinitions": [{"port": 10001, "name": "web"}], **others}
    )
    return found


def migrated(labels: dict[str, str], **others: Any) -> Migration:
    """Of an application that Marathon-LB serves."""
    found = migrate(app({"HAPROXY_GROUP": "external", **labels}, **others))
    assert found is not None
    return found


@pytest.mark.parametrize("label", sorted(DOCUMENTED))
def test_each_documented_label_becomes_the_documented_one(label: str) -> None:
    """With its condition, where it is one of a rule."""
    value, others = VALUES[label]
    found = migrated({**others, label: value}).labels
    meant = re.fullmatch(r"(?P<name>\S+)( \((?P<condition>\w+)\))?", DOCUMENTED[label])
    assert meant is not None
    pattern = re.escape(meant["name"]).replace("<group>", "[^.]+")
    texts = [text for name, text in found.items() if re.fullmatch(pattern, name)]
    assert texts, found
    assert meant["condition"] is None or f"{meant['condition']}:{value}" in texts[0]


def test_a_documented_application_is_carried_over() -> None:
    """Its host is a placeholder there."""
    document = json.loads((DATA / "app-marathon-nginx-mlb.json").read_text())
    document["labels"]["HAPROXY_0_VHOST"] = "nginx.example.com"
    [found] = read_apps(document)
    result = migrate(found)
    assert result is not None
    assert result.labels == {
        "edgelb.expose": "true",
        "edgelb.nginx-mlb_0.frontend.port": "80",
        "edgelb.nginx-mlb_0.frontend.protocol": "HTTP",
        "edgelb.nginx-mlb_0.frontend.rules": "hostEq:nginx.example.com",
        "edgelb.nginx-mlb_0.backend.rewriteHttp.sticky": "",
        "edgelb.nginx-mlb_0-https.frontend.port": "443",
        "edgelb.nginx-mlb_0-https.frontend.protocol": "HTTPS",
        "edgelb.nginx-mlb_0-https.frontend.certificates": "$AUTOCERT",
        "edgelb.nginx-mlb_0-https.frontend.rules": "hostEq:nginx.example.com",
        "edgelb.nginx-mlb_0-https.backend.rewriteHttp.sticky": "",
    }
    assert result.cannot == ()
    assert any("10020" in sentence for sentence in result.differs)


@given(hostile)
def test_what_is_carried_over_asks_for_the_same(said: dict[str, str]) -> None:
    """The new labels are read without a problem, as the claims that the old ones are."""
    moved = migrate(app({"HAPROXY_GROUP": "external", **said}))
    if moved is None or not moved.labels:
        return
    exposure = read_exposure(tuple(sorted(moved.labels.items())))
    assert exposure is not None
    assert exposure.problems == ()
    labels = {"HAPROXY_GROUP": "external", **said}
    if not any(said.get(f"HAPROXY_0_{name}", "").strip() for name in ("PORT", "VHOST")):
        labels["HAPROXY_0_PORT"] = "10001"
    shop, every = App("marathon", "/shop/web", True), BalancerGroups(frozenset({ALL}))
    before = read_marathon_lb(tuple(sorted(labels.items())), shop, ("web",), groups=every)
    assert before is not None
    old = {(one.port, len(one.rules), one.redirects, one.endpoint, one.secrets) for one in before.claims}
    assert {(one.port, len(one.rules), one.redirects, one.endpoint, one.secrets) for one in exposure.claims} == old


def test_service_ports_are_those_that_no_label_names() -> None:
    """Of all ports, as Marathon-LB listens at all of them."""
    ports = [{"port": 10001, "name": "a"}, {"port": 10002, "name": "b"}, {"port": 10003, "name": "c"}]
    found = migrated({"HAPROXY_1_PORT": "81", "HAPROXY_2_VHOST": "c.test"}, portDefinitions=ports)
    said = {text for label, text in found.labels.items() if label.endswith(".port")}
    assert said == {"10001", "81", "80", "443"}
    assert any("10003" in sentence for sentence in found.differs)


def test_checks_of_marathon_become_checks_of_servers() -> None:
    """Of the same port, and where requests are seen."""
    checks = [{"protocol": "HTTP", "path": "/health", "portIndex": 0}]
    labels = migrated({"HAPROXY_0_VHOST": "a.test"}, healthChecks=checks).labels
    assert labels["edgelb.shop_web_0.backend.customCheck.httpchkMiscStr"] == "GET /health"
    assert not any("customCheck" in label for label in migrated({"HAPROXY_0_PORT": "81"}, healthChecks=checks).labels)


def test_two_applications_get_two_groups() -> None:
    """Groups have no dots, and are names of backends."""
    names = set()
    for id_ in ("/a.b", "/a-b"):
        [found] = read_apps({"id": id_, "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_PORT": "81"}})
        moved = migrate(found)
        assert moved is not None
        names.add(next(label.split(".")[1] for label in moved.labels if label.endswith(".port")))
    assert len(names) == 2


@pytest.mark.parametrize(
    "labels",
    [{}, {"HAPROXY_GROUP": ""}, {"HAPROXY_0_VHOST": "a.test"}, {"HAPROXY_GROUP": "x", "HAPROXY_0_ENABLED": "false"}],
)
def test_an_application_that_marathon_lb_does_not_serve_is_left_out(labels: dict[str, str]) -> None:
    """There is nothing to carry over."""
    assert migrate(app(labels)) is None


@pytest.mark.parametrize(
    ("labels", "template", "ports", "told"),
    [
        ({}, None, {"80"}, ""),
        ({"HAPROXY_GROUP": "internal_A"}, "internal-a", {"80"}, "pool-template create internal-a"),
        ({"HAPROXY_GROUP": "internal, external"}, None, {"80"}, "and not in one for internal"),
        (
            {"HAPROXY_1_PORT": "81", "HAPROXY_1_GROUP": "internal"},
            None,
            {"80"},
            "port 1 is for the load balancers internal",
        ),
        ({"HAPROXY_GROUP": "*"}, None, set(), "the group *"),
    ],
)
def test_what_some_clients_alone_were_served_comes_to_no_others(
    labels: dict[str, str], template: str | None, ports: set[str], told: str
) -> None:
    """Load balancers of a group are a pool template; an application is in one."""
    definitions = [{"name": "a", "port": 10001}, {"name": "b", "port": 0}]
    found = migrated({"HAPROXY_0_PORT": "80", **labels}, portDefinitions=definitions)
    assert found.labels.get("edgelb.template") == template
    assert {text for label, text in found.labels.items() if label.endswith(".port")} == ports
    assert told in " ".join((*found.differs, *found.cannot))


def test_what_cannot_be_carried_over_is_told() -> None:
    """Snippets cost nothing, a password costs its port."""
    found = migrated({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_BACKEND_HEAD": "x"})
    assert found.labels
    assert [sentence.split()[0] for sentence in found.cannot] == ["HAPROXY_0_BACKEND_HEAD"]
    found = migrated({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_AUTH": "r:u:h"})
    assert (found.labels, [sentence.split()[0] for sentence in found.cannot]) == ({}, ["HAPROXY_0_AUTH"])


def test_passwords_and_networks_are_carried_over() -> None:
    """As those of the group."""
    hash_ = "$5$a$" + "a" * 43
    labels = migrated({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_AUTH": f"r:u:{hash_}"}).labels
    assert labels["edgelb.shop_web_0.backend.basicAuth.users"] == f"name:u|passwordHash:{hash_}"
    labels = migrated({"HAPROXY_0_PORT": "81", "HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL": "10.0.0.0/8 10.1.0.1"}).labels
    assert labels["edgelb.shop_web_0.backend.clients.allow"] == "10.0.0.0/8,10.1.0.1"


# -- what Marathon tells


@pytest.mark.parametrize(
    "ports",
    [
        {"portDefinitions": [{"port": 10001, "name": "web"}]},
        {"container": {"portMappings": [{"servicePort": 10001, "name": "web"}]}},
        {"container": {"docker": {"portMappings": [{"servicePort": 10001, "name": "web"}]}}},
        {
            "container": {"portMappings": [{"servicePort": 10001, "name": "web"}]},
            "portDefinitions": [{"port": 1, "name": "other"}],
        },
    ],
)
def test_ports_stand_in_several_places(ports: dict[str, Any]) -> None:
    """By the release of Marathon and the kind of container."""
    [found] = read_apps([{"id": "/a", **ports}])
    assert [(port.name, port.service) for port in found.ports] == [("web", 10001)]


def test_ports_may_be_bare_numbers() -> None:
    """As in old definitions."""
    [found] = read_apps({"apps": [{"id": "/a", "ports": [10001, 0]}]})
    assert [(port.name, port.service) for port in found.ports] == [("", 10001), ("", 0)]


@pytest.mark.parametrize("document", [1, "x", None, {}, {"apps": 1}, [1], [{"id": 1}], {"apps": [{}]}])
def test_other_documents_are_refused(document: object) -> None:
    """With what they should be."""
    with pytest.raises(ValueError, match=r"is neither|has no id"):
        read_apps(document)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
keys = st.sampled_from(["labels", "ports", "portDefinitions", "container", "healthChecks"])


@given(st.dictionaries(keys, anything))
def test_nothing_that_a_marathon_may_say_raises(said: dict[str, Any]) -> None:
    """What is of another kind than documented is left out."""
    for found in read_apps([{"id": "/a", **said}]):
        migrate(found)
