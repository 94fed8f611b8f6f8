"""Marathon-LB's labels as claims."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auto_pools.balancer_groups import ALL, BalancerGroups
from api.auto_pools.claim import App, Claim, Exposure, LabelProblem
from api.auto_pools.marathon_lb import read_marathon_lb, templates_under, unserved
from scheduler.pools.model import Endpoint, MapRule, Protocol, RewriteHttp, RewritePath, RewriteRequest, Sticky
from scheduler.pools.model.basic_auth import BasicAuth, BasicAuthUser
from scheduler.pools.model.clients import Clients
from scheduler.pools.model.headers import HeaderRule
from scheduler.pools.model.redirect import Redirect
from scheduler.pools.schema import PoolSchema, dump_pool
from tests.unit.api.auto_pools.claimed import pool_of

WEB = App("marathon", "/shop/web", True)
HASH = "$5$a$" + "a" * 43
PORTS = ("http", "admin", "")


def exposure_of(labels: dict[str, str], app: App = WEB, group: str = "external") -> Exposure | None:
    """Of an application that is in the group `external` unless it says otherwise."""
    said = {"HAPROXY_GROUP": "external", **labels}
    groups = BalancerGroups(frozenset({group}))
    return read_marathon_lb(tuple(sorted(said.items())), app, PORTS, groups=groups)


def claims_of(labels: dict[str, str], app: App = WEB) -> dict[int, Claim]:
    """By port, without a problem."""
    found = exposure_of(labels, app)
    assert found is not None
    assert found.problems == ()
    assert found.template == "marathon-lb"
    return {claim.port: claim for claim in found.claims}


def problems_of(labels: dict[str, str]) -> tuple[LabelProblem, ...]:
    """Those of an application that is exposed nowhere for them."""
    found = exposure_of(labels)
    assert found is not None
    assert found.claims == ()
    return found.problems


def frontend(claim: Claim) -> dict[str, object]:
    """Its options."""
    return {name: option.value for name, option in claim.frontend}


def backend(claim: Claim) -> dict[str, object]:
    """Its options."""
    return {name: option.value for name, option in claim.backend}


def test_a_virtual_host_is_served_at_80_and_443() -> None:
    """By one backend, and with a certificate of the load balancer's own."""
    claims = claims_of({"HAPROXY_0_VHOST": "A.test, b.test", "HAPROXY_0_PATH": "/x"})
    rules = tuple(MapRule(backend="shop_web_0", host_eq=host, path_beg="/x") for host in ("a.test", "b.test"))
    assert {port: claim.rules for port, claim in claims.items()} == {80: rules, 443: rules}
    assert {claim.group for claim in claims.values()} == {"shop_web_0"}
    assert frontend(claims[80]) == {"protocol": Protocol.HTTP}
    assert frontend(claims[443]) == {"protocol": Protocol.HTTPS, "certificates": ("$AUTOCERT",)}
    assert backend(claims[80]) == backend(claims[443]) == {"protocol": Protocol.HTTP}
    assert claims[80].endpoint == Endpoint()


def test_a_redirect_is_that_of_its_hosts() -> None:
    """Other hosts of the port are served as before."""
    claims = claims_of({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_REDIRECT_TO_HTTPS": "true"})
    assert claims[80].redirects == (Redirect(location="https://a.test", host_eq="a.test", keep_path=True, code=301),)
    assert claims[443].redirects == ()


def test_the_root_leads_to_where_a_label_says() -> None:
    """At both ports."""
    claims = claims_of({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_HTTP_BACKEND_REDIR": "/app"})
    redirects = (Redirect(location="/app", host_eq="a.test", path_eq="/", code=301),)
    assert claims[80].redirects == claims[443].redirects == redirects


def test_a_certificate_is_the_secret_of_the_files_name() -> None:
    """Directories of somebody's container say nothing here."""
    claims = claims_of({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_SSL_CERT": "/etc/ssl/a.pem,/etc/ssl/b.pem"})
    assert frontend(claims[443])["certificates"] == ("$SECRETS/a.pem", "$SECRETS/b.pem")
    assert (claims[80].secrets, claims[443].secrets) == ((), ("a.pem", "b.pem"))


@pytest.mark.parametrize(
    ("labels", "protocol", "spoken"),
    [
        ({}, Protocol.TCP, Protocol.TCP),
        ({"MODE": "tcp"}, Protocol.TCP, Protocol.TCP),
        ({"MODE": "tcp", "SSL_CERT": "/a.pem"}, Protocol.TLS, Protocol.TCP),
        ({"MODE": "HTTP"}, Protocol.HTTP, Protocol.HTTP),
        ({"MODE": "http", "SSL_CERT": "/a.pem"}, Protocol.HTTPS, Protocol.HTTP),
    ],
)
def test_a_port_without_a_host_takes_all_that_comes(
    labels: dict[str, str], protocol: Protocol, spoken: Protocol
) -> None:
    """In the mode that is asked for, TCP without one."""
    claims = claims_of({"HAPROXY_0_PORT": "10001", **{f"HAPROXY_0_{name}": text for name, text in labels.items()}})
    assert list(claims) == [10001]
    assert frontend(claims[10001])["protocol"] == protocol
    assert backend(claims[10001]) == {"protocol": spoken}
    assert claims[10001].rules == ((MapRule(backend="shop_web_0", path_beg="/"),) if protocol.is_http else ())


def test_a_host_with_a_port_has_a_listener_of_its_own_as_well() -> None:
    """Unless it is one of those that all hosts share."""
    assert sorted(claims_of({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_PORT": "10001"})) == [80, 443, 10001]
    assert sorted(claims_of({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_PORT": "80"})) == [80, 443]


def test_labels_of_the_backend() -> None:
    """Algorithm, cookie, path and a header."""
    [claim] = claims_of(
        {
            "HAPROXY_0_MODE": "http",
            "HAPROXY_0_PORT": "10001",
            "HAPROXY_0_BALANCE": "leastconn",
            "HAPROXY_0_STICKY": "true",
            "HAPROXY_0_USE_HSTS": "true",
            "HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH": "/a/",
            "HAPROXY_0_HTTP_BACKEND_REVPROXY_PATH": "/a",
        }
    ).values()
    assert backend(claim) == {
        "protocol": Protocol.HTTP,
        "balance": "leastconn",
        "rewrite_http": RewriteHttp(path=RewritePath(from_path="/a", to_path="/"), sticky=Sticky(enabled=True)),
        "response_headers": (HeaderRule(name="Strict-Transport-Security", value="max-age=15768000"),),
    }


def test_a_path_of_answers_alone_changes_no_requests() -> None:
    """They come to the server as the client asked."""
    [claim] = claims_of(
        {"HAPROXY_0_MODE": "http", "HAPROXY_0_PORT": "81", "HAPROXY_0_HTTP_BACKEND_REVPROXY_PATH": "/a"}
    ).values()
    assert backend(claim)["rewrite_http"] == RewriteHttp(
        path=RewritePath(from_path="/a", to_path="/"), request=RewriteRequest(rewrite_path=False)
    )


def test_the_number_is_that_of_the_tasks_port() -> None:
    """By its name, as numbers of ports differ from task to task."""
    claims = claims_of({"HAPROXY_1_PORT": "81", "HAPROXY_0_PORT": "80"})
    assert (claims[80].endpoint, claims[81].endpoint) == (Endpoint(), Endpoint(port_name="admin"))
    assert (claims[80].group, claims[81].group) == ("shop_web_0", "shop_web_1")


@pytest.mark.parametrize(
    ("labels", "served"),
    [
        ({}, [80]),
        ({"HAPROXY_GROUP": "internal"}, []),
        ({"HAPROXY_GROUP": ""}, []),
        ({"HAPROXY_GROUP": "internal, external"}, [80]),
        ({"HAPROXY_0_GROUP": "internal"}, []),
        ({"HAPROXY_GROUP": "internal", "HAPROXY_0_GROUP": "external"}, [80]),
        ({"HAPROXY_0_ENABLED": "false"}, []),
        ({"HAPROXY_0_ENABLED": "true"}, [80]),
    ],
)
def test_only_ports_of_the_group_are_exposed(labels: dict[str, str], served: list[int]) -> None:
    """What was internal stays so."""
    found = exposure_of({"HAPROXY_0_PORT": "80", **labels})
    assert ([claim.port for claim in found.claims] if found else []) == served


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ({}, None),
        ({"edgelb.expose": "true"}, None),
        ({"HAPROXY_GROUP": "external"}, None),
        ({"HAPROXY_0_VHOST": "a.test"}, "HAPROXY_GROUP"),
        ({"HAPROXY_GROUP": "internal"}, None),
        ({"HAPROXY_GROUP": "Internal_2"}, "HAPROXY_GROUP"),
        ({"HAPROXY_GROUP": "external", "HAPROXY_0_ENABLED": "no"}, "HAPROXY_0_ENABLED"),
    ],
)
def test_who_is_not_exposed_is_told_by_which_label(labels: dict[str, str], label: str | None) -> None:
    """And what to do."""
    problem = unserved(tuple(sorted(labels.items())))
    assert (problem and problem.label) == label
    assert problem is None or problem.remedy


def test_all_groups_may_be_served() -> None:
    """But not what is in none."""
    assert exposure_of({"HAPROXY_GROUP": "internal", "HAPROXY_0_PORT": "80"}, group=ALL) is not None
    assert exposure_of({"HAPROXY_GROUP": "", "HAPROXY_0_PORT": "80"}, group=ALL) is None


def test_both_halves_of_a_deployment_share_a_backend() -> None:
    """Then each server gets its share, whatever its colour."""
    deployment = {
        "HAPROXY_0_VHOST": "a.test",
        "HAPROXY_DEPLOYMENT_GROUP": "shop",
        "HAPROXY_DEPLOYMENT_ALT_PORT": "10002",
    }
    blue = claims_of({**deployment, "HAPROXY_DEPLOYMENT_COLOUR": "blue"}, App("marathon", "/shop-blue", True))
    green = claims_of({**deployment, "HAPROXY_DEPLOYMENT_COLOUR": "green"}, App("marathon", "/shop-green", True))
    assert blue == green
    assert blue[80].group == "shop:0"


apps = st.builds(
    App,
    st.sampled_from(["marathon", "other", "mom"]),
    st.sampled_from(["/a/b", "/a_b", "/a-b", "/a.b", "a/b", "/a//b", "/A/b", "/a b", "/" + "a" * 90, "/" + "a" * 91]),
    st.booleans(),
    st.sampled_from(["", "c"]),
)


@given(apps, apps)
def test_two_applications_have_two_backends(one: App, other: App) -> None:
    """Nobody's servers come into another's backend because of a name."""
    groups = {app: claims_of({"HAPROXY_0_PORT": "80"}, app)[80].group for app in (one, other)}
    assert len(set(groups.values())) == len({one, other})


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ({"HAPROXY_0_MODE": "http"}, "HAPROXY_0_PORT"),
        ({}, "HAPROXY_0_PORT"),
        ({"HAPROXY_0_PORT": "http"}, "HAPROXY_0_PORT"),
        ({"HAPROXY_0_PORT": "99999"}, "HAPROXY_0_PORT"),
        ({"HAPROXY_0_MODE": "udp", "HAPROXY_0_PORT": "81"}, "HAPROXY_0_MODE"),
        ({"HAPROXY_0_MODE": "tcp", "HAPROXY_0_PORT": "81", "HAPROXY_0_VHOST": "a.test"}, "HAPROXY_0_VHOST"),
        ({"HAPROXY_0_VHOST": "a_b c"}, "HAPROXY_0_VHOST"),
        ({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_PATH": "x"}, "HAPROXY_0_PATH"),
        ({"HAPROXY_0_VHOST": "*.a.test", "HAPROXY_0_REDIRECT_TO_HTTPS": "true"}, "HAPROXY_0_REDIRECT_TO_HTTPS"),
        ({"HAPROXY_0_PORT": "81", "HAPROXY_0_BALANCE": "magic"}, "HAPROXY_0_BALANCE"),
        ({"HAPROXY_0_PORT": "81", "HAPROXY_0_SSL_CERT": "/etc/ssl/a b.pem"}, "HAPROXY_0_SSL_CERT"),
        ({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_HTTP_BACKEND_REDIR": "//b.test"}, "HAPROXY_0_HTTP_BACKEND_REDIR"),
        (
            {"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH": "x"},
            "HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH",
        ),
        ({"HAPROXY_2_PORT": "81"}, "HAPROXY_2_PORT"),
        ({"HAPROXY_3_PORT": "81"}, "HAPROXY_3_PORT"),
        ({"HAPROXY_0_PORT": "81", "HAPROXY_DEPLOYMENT_GROUP": "a b"}, "HAPROXY_DEPLOYMENT_GROUP"),
    ],
)
def test_what_cannot_be_is_told_by_its_label(labels: dict[str, str], label: str) -> None:
    """And its port is not exposed."""
    [problem] = problems_of(labels)
    assert problem.label == label
    assert problem.rule


def test_clients_and_users_are_those_of_the_backend() -> None:
    """Other applications at the port are for all."""
    claims = claims_of(
        {
            "HAPROXY_0_VHOST": "a.test",
            "HAPROXY_0_AUTH": f"Shop:ann:{HASH}",
            "HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL": "127.0.0.1/8 10.1.55.43, fd00::/8",
        }
    )
    for claim in claims.values():
        said = backend(claim)
        assert said["clients"] == Clients(allow=("127.0.0.0/8", "10.1.55.43", "fd00::/8"))
        assert said["basic_auth"] == BasicAuth(users=(BasicAuthUser(name="ann", password_hash=HASH),), realm="Shop")
        assert {"clients", "basic_auth"}.isdisjoint(frontend(claim))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AUTH", "realm:user:$1$hidden$bb"),
        ("AUTH", "user:$6$hidden"),
        ("AUTH", f"re'alm:user:{HASH}"),
        ("BACKEND_NETWORK_ALLOWED_ACL", "10.0.0.0/8 everybody"),
        ("BACKEND_NETWORK_ALLOWED_ACL", " , "),
        ("BIND_ADDR", "10.0.0.1"),
    ],
)
def test_what_was_open_to_some_is_not_opened_to_all(name: str, text: str) -> None:
    """Labels that let fewer clients in cost their port where they cannot be followed; hashes are not shown."""
    [problem] = problems_of({"HAPROXY_0_VHOST": "a.test", f"HAPROXY_0_{name}": text})
    assert problem.label == f"HAPROXY_0_{name}"
    assert "hidden" not in "".join(problem)


def test_bytes_ask_for_no_password() -> None:
    """Only requests of HTTP can."""
    [problem] = problems_of({"HAPROXY_0_PORT": "81", "HAPROXY_0_AUTH": f"r:ann:{HASH}"})
    assert (problem.label, problem.value) == ("HAPROXY_0_AUTH", "")


def test_a_bad_port_costs_no_other() -> None:
    """Each is read by itself."""
    found = exposure_of({"HAPROXY_0_PORT": "x", "HAPROXY_1_PORT": "81"})
    assert found is not None
    assert ([claim.port for claim in found.claims], len(found.problems)) == ([81], 1)


def test_snippets_are_told_and_cost_nothing() -> None:
    """What they say in HAProxy's words is not applied."""
    labels = {
        "HAPROXY_0_VHOST": "a.test",
        "HAPROXY_0_BACKEND_HEAD": "backend x\n  mode http",
        "HAPROXY_HTTP_FRONTEND_HEAD": "frontend y",
    }
    found = exposure_of(labels)
    assert found is not None
    assert len(found.claims) == 2
    assert {problem.label for problem in found.not_applied} == labels.keys() - {"HAPROXY_0_VHOST"}
    assert all("\n" not in problem.value for problem in found.not_applied)


labels = st.dictionaries(
    st.one_of(
        st.builds(
            "HAPROXY_{}_{}".format,
            st.integers(0, 4),
            st.sampled_from(["VHOST", "PATH", "PORT", "MODE", "SSL_CERT", "BALANCE", "HTTP_BACKEND_REDIR", "STICKY"]),
        ),
        st.just("HAPROXY_DEPLOYMENT_GROUP"),
        st.text(max_size=10).map("HAPROXY_{}".format),
    ),
    st.one_of(
        st.sampled_from(["a.test", "/x", "81", "http", "true", "a.test,*.b.test", "99999"]), st.text(max_size=10)
    ),
    max_size=6,
)


@given(labels)
def test_no_labels_raise(said: dict[str, str]) -> None:
    """Whatever they hold, claims hold only what a pool may hold."""
    found = exposure_of(said)
    for claim in found.claims if found else ():
        pool = pool_of(claim)
        assert PoolSchema().load(dump_pool(pool)) == pool


@pytest.mark.parametrize(
    ("named", "served", "templates"),
    [
        ("external", "external", ["marathon-lb"]),
        ("internal", "external", ["marathon-lb-internal"]),
        ("internal,external", "external", ["marathon-lb", "marathon-lb-internal"]),
        ("internal,external,other", "external,internal", ["marathon-lb", "marathon-lb-other"]),
        ("internal", ALL, ["marathon-lb"]),
        ("Internal", "external", []),
        ("Internal", "Internal", ["marathon-lb"]),
        ("", ALL, []),
        (ALL, "external", []),
    ],
)
def test_each_group_of_load_balancers_has_one_template(named: str, served: str, templates: list[str]) -> None:
    """An application for several of them is under each."""
    groups = BalancerGroups(frozenset(served.split(",")))
    labels = (("HAPROXY_0_VHOST", "a.test"), ("HAPROXY_GROUP", named))
    assert list(templates_under(labels, groups)) == templates
    for template in ("marathon-lb", "marathon-lb-internal", "marathon-lb-other"):
        found = read_marathon_lb(labels, WEB, PORTS, template, groups)
        assert (found is not None and found.template == template) == (template in templates)


def test_what_is_inside_alone_is_not_served_outside() -> None:
    """Ports of one application may be for different load balancers."""
    labels = tuple(
        sorted(
            {
                "HAPROXY_0_VHOST": "a.test",
                "HAPROXY_GROUP": "external",
                "HAPROXY_1_VHOST": "admin.test",
                "HAPROXY_1_GROUP": "internal",
            }.items()
        )
    )
    outside, inside = (
        read_marathon_lb(labels, WEB, PORTS, template) for template in ("marathon-lb", "marathon-lb-internal")
    )
    assert outside is not None
    assert inside is not None
    assert {rule.host_eq for claim in outside.claims for rule in claim.rules} == {"a.test"}
    assert {rule.host_eq for claim in inside.claims for rule in claim.rules} == {"admin.test"}


@pytest.mark.parametrize(("text", "weight"), [("", 0), ("5", 5), ("-1", -1)])
def test_a_weight_is_that_of_the_rules_for_hosts(text: str, weight: int) -> None:
    """A port that is the application's own has one rule."""
    claims = claims_of({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_PORT": "81", "HAPROXY_0_BACKEND_WEIGHT": text})
    assert {port: claim.weight for port, claim in claims.items()} == {80: weight, 443: weight, 81: 0}


def test_a_weight_is_a_number() -> None:
    """Else the order that is meant is not known."""
    [problem] = problems_of({"HAPROXY_0_VHOST": "a.test", "HAPROXY_0_BACKEND_WEIGHT": "much"})
    assert problem.label == "HAPROXY_0_BACKEND_WEIGHT"
