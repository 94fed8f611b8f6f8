"""From all labels of a task to what it asks for: groups, what is meant where labels say nothing, and what cannot be."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.auto_pools.claim import Claim, Exposure, LabelProblem
from api.auto_pools.labels import read_exposure, unexposed
from scheduler.pools.model import Asked, EndpointType, MapRule, Protocol, ServerTls
from scheduler.pools.model.redirect import Redirect, RedirectToHttps

DATA = Path(__file__).parents[4] / "data" / "labels"


def exposure_of(labels: dict[str, str]) -> Exposure:
    """That of an exposed task."""
    found = read_exposure(tuple(sorted({"edgelb.expose": "true", **labels}.items())))
    assert found is not None
    return found


def claims_of(labels: dict[str, str]) -> dict[str, Claim]:
    """By group, without a problem."""
    found = exposure_of(labels)
    assert found.problems == ()
    return {claim.group: claim for claim in found.claims}


def problem_of(labels: dict[str, str]) -> LabelProblem:
    """The only one, which costs all claims."""
    found = exposure_of(labels)
    assert found.claims == ()
    [problem] = found.problems
    return problem


def document(name: str) -> Any:
    """What stands in a file of the documentation."""
    return json.loads((DATA / name).read_text())


# -- groups


def test_a_task_that_says_nothing_else_is_all_of_port_80() -> None:
    """In the group `__default__`."""
    [claim] = exposure_of(document("app-autopool-auto-pool-tutorial-expose-only.json")["labels"]).claims
    assert (claim.group, claim.port) == ("__default__", 80)
    assert {name: option.value for name, option in claim.frontend} == {"protocol": Protocol.HTTP}
    assert {name: option.value for name, option in claim.backend} == {"protocol": Protocol.HTTP}
    assert claim.rules == (MapRule(backend="__default__", path_beg="/"),)


def test_the_worked_example_is_as_documented() -> None:
    """Backends, frontends and secrets of its two tasks."""
    example = document("autopool-worked-example.json")
    claims = {}
    for task in example["tasks"]:
        claims |= claims_of(task["Labels"])
    assert claims.keys() == example["BACKENDS"].keys()
    assert {str(claim.port) for claim in claims.values()} == example["FRONTENDS"].keys()
    web, documented = claims["web"], example["FRONTENDS"]["443"]
    options = {name: option.value for name, option in web.frontend}
    assert options == {"protocol": documented["protocol"], "certificates": tuple(documented["certificates"])}
    [rule] = documented["maps"]
    assert web.rules == (MapRule(backend="web", host_eq=rule["hostEq"], path_beg=rule["pathBeg"]),)
    [secret] = example["SECRETS"]
    assert web.secrets == (secret["secret"],)
    rewrite = dict(web.backend)["rewrite_http"].value
    documented = example["BACKENDS"]["web"]["rewriteHttp"]["path"]
    assert {"fromPath": rewrite.path.from_path, "toPath": rewrite.path.to_path} == documented  # type: ignore[attr-defined]
    assert web.endpoint.port_name == "web"


@pytest.mark.parametrize("path", sorted(DATA.glob("app-*.json")), ids=lambda path: path.stem)
def test_documented_apps_have_no_problem(path: Path) -> None:
    """And ask for one thing each."""
    exposure = exposure_of(json.loads(path.read_text())["labels"])
    assert (len(exposure.claims), exposure.problems) == (1, ())


def test_all_documented_labels_at_once() -> None:
    """Two groups: one sends clients to the other one's port."""
    claims = claims_of(document("labels-autopool-all-supported.json"))
    assert {group: claim.port for group, claim in claims.items()} == {"nonsecure": 80, "secure": 443}
    assert dict(claims["nonsecure"].frontend)["redirect_to_https"].value == RedirectToHttps()


def test_labels_without_a_group_are_those_of_the_default_group() -> None:
    """`edgelb.frontend.port` as well as `edgelb.__default__.frontend.port`."""
    short = claims_of({"edgelb.frontend.port": "8080", "edgelb.backend.rewriteHttp.sticky": ""})
    whole = claims_of({"edgelb.__default__.frontend.port": "8080", "edgelb.__default__.backend.rewriteHttp.sticky": ""})
    assert short.keys() == {"__default__"}
    assert short["__default__"].port == whole["__default__"].port == 8080


def test_a_group_may_be_called_like_a_half() -> None:
    """What stands behind its name tells them apart."""
    claims = claims_of({"edgelb.frontend.frontend.port": "81", "edgelb.backend.backend.balance": "source"})
    assert {group: claim.port for group, claim in claims.items()} == {"frontend": 81, "backend": 80}


def test_groups_come_in_the_order_of_their_names() -> None:
    """Whatever the order of the labels."""
    found = exposure_of({f"edgelb.{name}.frontend.port": "81" for name in ("b", "c", "a")})
    assert [claim.group for claim in found.claims] == ["a", "b", "c"]


# -- what is meant where labels say nothing


@pytest.mark.parametrize(
    ("labels", "protocol", "port", "spoken"),
    [
        ({}, Protocol.HTTP, 80, Protocol.HTTP),
        ({"frontend.certificates": "$AUTOCERT"}, Protocol.HTTPS, 443, Protocol.HTTP),
        ({"frontend.protocol": "HTTPS"}, Protocol.HTTPS, 443, Protocol.HTTP),
        ({"frontend.protocol": "TCP", "frontend.port": "5432"}, Protocol.TCP, 5432, Protocol.TCP),
        ({"frontend.protocol": "TLS", "frontend.port": "5432"}, Protocol.TLS, 5432, Protocol.TLS),
        (
            {"frontend.protocol": "TLS", "frontend.port": "5432", "backend.protocol": "TCP"},
            Protocol.TLS,
            5432,
            Protocol.TCP,
        ),
    ],
)
def test_port_and_protocols_go_by_each_other(
    labels: dict[str, str], protocol: Protocol, port: int, spoken: Protocol
) -> None:
    """As documented."""
    claim = claims_of(
        {"edgelb.a.backend.balance": "source", **{f"edgelb.a.{name}": text for name, text in labels.items()}}
    )["a"]
    assert (dict(claim.frontend)["protocol"].value, claim.port) == (protocol, port)
    assert dict(claim.backend)["protocol"].value == spoken
    assert bool(claim.rules) == protocol.is_http


def test_a_frontend_of_tcp_needs_a_port() -> None:
    """There is no usual one."""
    problem = problem_of({"edgelb.a.frontend.protocol": "TCP"})
    assert (problem.label, problem.rule) == ("edgelb.a.frontend.port", "is required for protocol TCP")


def test_empty_texts_say_nothing() -> None:
    """As if the label was not there."""
    labels = {"frontend.port": "", "frontend.rules": " ", "frontend.certificates": "", "backend.balance": ""}
    claims = claims_of({f"edgelb.a.{name}": text for name, text in labels.items()})
    assert claims == claims_of({"edgelb.a.backend.portName": ""})


def test_the_order_of_certificates_is_the_applications() -> None:
    """The first one is for clients that ask for none."""
    claim = claims_of({"edgelb.a.frontend.certificates": "z,$AUTOCERT,a"})["a"]
    assert dict(claim.frontend)["certificates"].value == ("$SECRETS/z", "$AUTOCERT", "$SECRETS/a")
    assert claim.secrets == ("z", "a")


# -- separators


def test_separators_may_be_others() -> None:
    """So that an expression may hold the usual ones."""
    claims = claims_of(
        {
            "edgelb.delimiter": ";",
            "edgelb.item_delimiter": "&&",
            "edgelb.key_delimiter": "=",
            "edgelb.a.frontend.rules": "pathReg=^/(a|b){1,2}&&hostEq=a.test:8080 ; hostEq=b.test",
        }
    )
    assert claims["a"].rules == (
        MapRule(backend="a", path_reg="^/(a|b){1,2}", host_eq="a.test:8080"),
        MapRule(backend="a", host_eq="b.test"),
    )


@pytest.mark.parametrize("separator", ["a", "|", "::", "0", " x", "é", "----------"])
def test_nonsense_separators_are_a_problem(separator: str) -> None:
    """What cannot be told apart would be guessed."""
    assert problem_of({"edgelb.delimiter": separator, "edgelb.a.frontend.port": "81"}).label.startswith("edgelb.")


# -- rules


def test_rules_look_at_headers_and_cookies() -> None:
    """By their names: that they are there, what they say, or what is found in it."""
    rules = "hostEq:a.test|header.X-Canary:|cookie.team:blue,headerReg.Accept:json$|cookieReg.v:^2"
    assert claims_of({"edgelb.a.frontend.rules": rules})["a"].rules == (
        MapRule(
            backend="a",
            host_eq="a.test",
            headers=(Asked(name="X-Canary"),),
            cookies=(Asked(name="team", value_eq="blue"),),
        ),
        MapRule(
            backend="a", headers=(Asked(name="Accept", value_reg="json$"),), cookies=(Asked(name="v", value_reg="^2"),)
        ),
    )


def test_authorities_may_be_those_of_the_machine() -> None:
    """They are no secret."""
    claim = claims_of({"edgelb.a.backend.tls.ca": "$SYSTEM", "edgelb.a.backend.tls.certificate": "$AUTOCERT"})["a"]
    assert dict(claim.backend)["tls"].value == ServerTls(ca="$SYSTEM", certificate="$AUTOCERT")
    assert claim.secrets == ()


# -- redirects


def test_whole_hosts_are_redirected_for_themselves() -> None:
    """Others of the port do not ask for it."""
    labels = {
        "edgelb.a.frontend.rules": "hostEq:a.test,hostEq:b.test|pathBeg:/x",
        "edgelb.a.frontend.redirectToHttps": "",
    }
    claim = claims_of(labels)["a"]
    assert claim.redirects == (
        Redirect(location="https://a.test", host_eq="a.test", keep_path=True, code=301),
        Redirect(location="https://b.test", host_eq="b.test", path_beg="/x", keep_path=True, code=301),
    )
    assert "redirect_to_https" not in dict(claim.frontend)


def test_another_port_and_status_are_kept() -> None:
    """In the redirects as in the option."""
    labels = {"rules": "hostEq:a.test", "redirectToHttps.port": "8443", "redirectToHttps.code": "308"}
    claim = claims_of({f"edgelb.a.frontend.{name}": text for name, text in labels.items()})["a"]
    assert [(one.location, one.code) for one in claim.redirects] == [("https://a.test:8443", 308)]


@pytest.mark.parametrize(
    "rules",
    [
        "pathBeg:/x",
        "hostReg:^a",
        "hostEq:*.a.test",
        "hostEq:a.test|pathEnd:.png",
        "hostEq:a.test,pathBeg:/",
        "hostEq:a.test|header.X:1",
    ],
)
def test_what_names_no_hosts_is_an_option_of_the_port(rules: str) -> None:
    """As is one with exceptions."""
    labels = {"edgelb.a.frontend.rules": rules, "edgelb.a.frontend.redirectToHttps": ""}
    claim = claims_of(labels)["a"]
    assert (claim.redirects, dict(claim.frontend)["redirect_to_https"].value) == ((), RedirectToHttps())


@pytest.mark.parametrize(
    "redirect",
    [
        "hostEq:b.test",
        "pathBeg:/x",
        "hostEq:a.test",
        "hostEq:a.test|pathBeg:/",
        "hostEq:a.test|pathEq:/y",
        "hostEq:*.test",
    ],
)
def test_nobody_redirects_requests_of_others(redirect: str) -> None:
    """Redirects are looked at before rules."""
    labels = {"rules": "hostEq:a.test|pathBeg:/x", "redirects": f"location:https://c.test|{redirect}"}
    problem = problem_of({f"edgelb.a.frontend.{name}": text for name, text in labels.items()})
    assert problem.label == "edgelb.a.frontend.redirects"


# -- what cannot be


@pytest.mark.parametrize(
    ("label", "text", "rule"),
    [
        ("frontend.prot", "80", "is not known"),
        ("frontend", "80", "is not known"),
        ("fronted.port", "80", "is not known"),
        ("frontend.port", "eighty", "must be a whole number"),
        ("frontend.port", "0", "must be between 1 and 65535"),
        ("frontend.port", "70000", "must be between 1 and 65535"),
        ("frontend.protocol", "http", "must be one of HTTP, HTTPS, TCP, TLS"),
        ("frontend.rules", "hostEq:a b", "holds hostEq a b, which must be one host"),
        ("frontend.rules", "hostEq", "holds hostEq, which has no key"),
        ("frontend.rules", "hostEq:a.test,", "holds an empty item"),
        ("frontend.rules", "pathReg:(", "holds pathReg (, which"),
        ("frontend.rules", "backend:other", "holds backend, an unknown field"),
        ("frontend.rules", "host:a.test", "holds host, an unknown field"),
        ("frontend.rules", "hostEq:a.test|hostEq:b.test", "holds hostEq twice"),
        ("frontend.rules", "hostEq:", "has a rule without a condition"),
        ("frontend.rules", "hostsEq:a.test", "holds hostsEq, an unknown field"),
        ("frontend.rules", "header.a b:1", "asks for headers of which one must"),
        ("frontend.rules", "cookieReg.a:(", "asks for cookies of which one"),
        ("frontend.rules", "headers:X", "holds headers, an unknown field"),
        ("frontend.certificates", "../x", "holds ../x: a secret's name must be"),
        ("frontend.certificates", "$SECRETS/x", "must be"),
        ("frontend.certificates", "a,,b", "holds an empty item"),
        ("frontend.hsts.preload", "yes", "must be true or false"),
        ("frontend.hsts", "maxage:5", "has a key maxage, which is not known here"),
        ("frontend.requestHeaders", "name:Host|value:x", "name is what rewriteHttp.host"),
        ("frontend.timeouts.client", "3e2", "must be a number"),
        ("frontend.clients.allow", "10.0.0.0/99", "must be"),
        ("backend.balance", "leastconn\nserver x", "must be one of"),
        ("backend.endpoint", "trustAnnounced:true", "has a key trustAnnounced, which is not known here"),
        ("backend.endpoint.trustAnnounced", "true", "is not known"),
        ("backend.miscStrs", "option httplog", "is not known"),
        ("backend.minimumServers", "5", "is not known"),
        ("backend.percent", "200", "must be between"),
        ("backend.rewriteHttp.path", "/a", "holds /a, which has no key"),
        ("backend.rewriteHttp.path", "/a:/b|/c:/d", "must be one pair"),
        ("backend.rewriteHttp.sticky", 'a"b', "must"),
        ("backend.retries.on", "503,never", "must be one of"),
    ],
)
def test_what_cannot_be_costs_its_group_alone(label: str, text: str, rule: str) -> None:
    """The problem names the label and says why; other groups of the task go on."""
    found = exposure_of({f"edgelb.bad.{label}": text, "edgelb.good.frontend.port": "81"})
    assert [claim.group for claim in found.claims] == ["good"]
    [problem] = found.problems
    assert problem.label == f"edgelb.bad.{label}"
    assert rule in problem.rule


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ({"rules": "hostEq:a.test", "protocol": "TCP", "port": "81"}, "rules"),
        ({"certificates": "$AUTOCERT", "protocol": "HTTP"}, "certificates"),
    ],
)
def test_labels_that_do_not_go_together_are_a_problem(labels: dict[str, str], label: str) -> None:
    """Neither of them is guessed to be the right one."""
    problem = problem_of({f"edgelb.a.frontend.{name}": text for name, text in labels.items()})
    assert problem.label == f"edgelb.a.frontend.{label}"
    assert problem.remedy


def test_what_is_missing_beside_a_label_is_told_by_it() -> None:
    """Nobody has written the other one."""
    problem = problem_of({"edgelb.a.backend.basicAuth.realm": "Shop"})
    assert (problem.label, problem.rule) == ("edgelb.a.backend.basicAuth.realm", "basicAuth.users is required")


def test_what_is_said_twice_is_a_problem() -> None:
    """As a label of its own and within another one."""
    problem = problem_of({"edgelb.a.backend.portName": "x", "edgelb.a.backend.endpoint": "portName:y"})
    assert (problem.label, problem.rule) == ("edgelb.a.backend.portName", "is what edgelb.a.backend.endpoint says, too")


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("edgelb.a.frontend.rule", "edgelb.a.frontend.rules"),
        ("edgelb.a.backend.stiky", ""),
        ("edgelb.a.backend.rewriteHttp.stiky", "edgelb.a.backend.rewriteHttp.sticky"),
        ("edgelb.a.backnd.balance", "edgelb.a.backend.balance"),
        ("edgelb.templat", "edgelb.template"),
        ("Edgelb.a.frontend.port", "edgelb.a.frontend.port"),
    ],
)
def test_a_mistake_in_a_name_is_told_with_what_may_be_meant(label: str, meant: str) -> None:
    """Nothing is guessed."""
    problem = problem_of({label: "81"})
    assert problem.label == label
    assert meant in problem.remedy


@pytest.mark.parametrize("label", ["edgelb.templat", "edgelb.delimeter", "EDGELB.template", "edgelb."])
def test_a_mistake_outside_of_groups_costs_all_of_them(label: str) -> None:
    """Without it they may be in the wrong pool, or read in the wrong way."""
    found = exposure_of({label: "internal", "edgelb.a.frontend.port": "81"})
    assert found.claims == ()
    assert [problem.label for problem in found.problems] == [label]


@pytest.mark.parametrize(
    "group", ["expose", "template", "delimiter", "item_delimiter", "key_delimiter", "_lbmgr", "a b", "ä", "a" * 200]
)
def test_some_groups_cannot_be(group: str) -> None:
    """Documented words, names of parts of a load balancer, and what is no name of a backend."""
    found = exposure_of({f"edgelb.{group}.frontend.port": "81", "edgelb.b.frontend.port": "82"})
    assert [claim.group for claim in found.claims] == ["b"]
    assert len(found.problems) == 1


@pytest.mark.parametrize(("name", "template"), [("dobby", "dobby"), ("", "default"), ("a-1", "a-1")])
def test_a_task_names_its_pool_template(name: str, template: str) -> None:
    """Without a name it is the default one."""
    assert exposure_of({"edgelb.template": name}).template == template


@pytest.mark.parametrize("name", ["a", "-a", "a-", "Team", "a/b", "a b", "a" * 80])
def test_what_is_no_name_of_a_template_exposes_nothing(name: str) -> None:
    """It is told where people look first."""
    found = exposure_of({"edgelb.template": name})
    assert (found.template, found.claims, len(found.problems)) == ("default", (), 1)


def test_a_fixed_address_is_one_of_the_endpoints() -> None:
    """No task is looked up for it."""
    labels = document("app-autopool-auto-pool-tutorial-endpoint-address-vip-repaired.json")["labels"]
    endpoint = claims_of(labels)["secure"].endpoint
    assert (endpoint.type, endpoint.address, endpoint.port) == (
        EndpointType.ADDRESS,
        "myvip.marathon.l4lb.thisdcos.directory",
        8080,
    )


@pytest.mark.parametrize(
    "name",
    [
        *("backend.clients.allow", "backend.clients.deny", "backend.basicAuth.users"),
        *("frontend.clients.allow", "frontend.clients.deny", "frontend.tls.clientCertificates.ca"),
    ],
)
def test_an_empty_restriction_is_a_mistake(name: str) -> None:
    """A variable that was not filled in must not let everybody in."""
    assert problem_of({f"edgelb.a.{name}": " "}).label == f"edgelb.a.{name}"


@pytest.mark.parametrize(
    "text", ["ann:$5$secret$hash", "name:ann|passwordHash:$5$secret$hash", "name:ann|$5$secret", "name:ann|x:$5$secret"]
)
def test_hashes_of_passwords_are_not_shown(text: str) -> None:
    """Statuses are for all who may see the pool."""
    problems = exposure_of({"edgelb.a.backend.basicAuth.users": text}).problems
    assert {problem.label for problem in problems} == {"edgelb.a.backend.basicAuth.users"}
    assert not any("secret" in text for problem in problems for text in problem)


# -- who is not exposed


@pytest.mark.parametrize("said", ["True", "TRUE", "1", "yes", " true", "", "false"])
def test_only_true_exposes(said: str) -> None:
    """As documented; anything else is told to who asks."""
    labels = (("edgelb.a.frontend.port", "81"), ("edgelb.expose", said))
    assert read_exposure(labels) is None
    problem = unexposed(labels)
    assert problem is not None
    assert (problem.label, problem.rule) == ("edgelb.expose", 'must be exactly "true"')


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ({"edgelb.a.frontend.port": "81"}, "edgelb.a.frontend.port"),
        ({"EDGELB.expose": "true"}, "EDGELB.expose"),
    ],
)
def test_who_forgot_to_expose_is_told_so(labels: dict[str, str], label: str) -> None:
    """Labels of other kinds say nothing about it."""
    problem = unexposed(tuple(labels.items()))
    assert problem is not None
    assert problem.label == label


def test_who_says_nothing_or_is_exposed_is_told_nothing() -> None:
    """There is nothing to be mended."""
    assert unexposed(()) is None
    assert unexposed((("HAPROXY_GROUP", "external"),)) is None
    assert unexposed((("edgelb.expose", "true"),)) is None
