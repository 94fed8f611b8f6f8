"""The V2 JSON form of pools: defaults, bounds, refusals, and that what comes out can go in again."""

import copy
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scheduler.pools.model import Backend, EndpointType, Frontend, HealthCheck, Pool, PoolType, Protocol, Stats, Sticky
from scheduler.pools.output import output_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import dump_pool, load_pool
from scheduler.pools.stored.hidden import shown
from tests.support.pools import ALL, REFUSED, SUPPORTED, example, minimal


def set_at(value: Any, path: str, new: object) -> Any:
    """A copy of `value` with `new` at a path such as `haproxy.frontends[0].bindPort`."""
    changed = copy.deepcopy(value)
    keys = path.replace("[", ".[").split(".")
    at = changed
    for key in keys[:-1]:
        at = at[int(key[1:-1])] if key.startswith("[") else at.setdefault(key, {})
    last = keys[-1]
    at[int(last[1:-1]) if last.startswith("[") else last] = new
    return changed


def full() -> dict[str, Any]:
    """A pool with one of everything that is supported."""
    pool = minimal()
    pool["haproxy"]["frontends"][0]["linkBackend"]["map"] = [
        {
            "backend": "app",
            "hostEq": "www.example.com",
            "pathBeg": "/shop",
            "headers": [{"name": "X-Canary"}],
            "cookies": [{"name": "version"}],
        }
    ]
    service = {"mesos": {"frameworkName": "kafka", "taskNamePattern": "^broker-.*$"}, "endpoint": {"port": 1025}}
    tls = {"ca": "$ENVFILE/ELB_FILE_CERT"}
    pool["haproxy"]["backends"] += [
        {"name": "tcp", "protocol": "TCP", "services": [service]},
        {"name": "tls", "protocol": "TLS", "tls": tls},
    ]
    pool["secrets"] = [{"secret": "team/web", "file": "web.pem"}, {"secret": "team/clients", "file": "clients.pem"}]
    pool["secrets"].append({"secret": "team/other", "file": "other"})
    pool["environmentVariables"] = {"ELB_FILE_CERT": "cert and key"}
    pool["haproxy"]["frontends"].append(
        {
            "bindPort": 443,
            "protocol": "HTTPS",
            "certificates": ["$SECRETS/web.pem", "$ENVFILE/ELB_FILE_CERT", "$AUTOCERT"],
            "tls": {"clientCertificates": {"ca": "$SECRETS/clients.pem"}},
        }
    )
    return pool


def problems(data: object) -> dict[str, str]:
    """Broken rule by field path."""
    with pytest.raises(InvalidPool) as caught:
        load_pool(data)
    return {problem.path: problem.rule for problem in caught.value.problems}


def test_a_pool_with_only_a_name_gets_every_documented_default() -> None:
    """The defaults are those of the product's reference."""
    pool = load_pool({"name": "web"})

    assert pool == Pool(
        name="web",
        namespace="dcos-edgelb/pools",
        package_name="edgelb-pool",
        role="slave_public",
        cpus=0.9,
        cpus_admin_overhead=0.1,
        mem=992,
        mem_admin_overhead=32,
        disk=256,
        count=1,
        constraints="hostname:UNIQUE",
        ports=(),
        healthcheck=HealthCheck(grace_period=180, interval=12, max_fail=5, timeout=60),
    )
    assert pool.haproxy.stats == Stats(bind_address="", bind_port=9090)
    assert pool.haproxy.frontends == pool.haproxy.backends == ()


def test_objects_inside_get_their_defaults_too() -> None:
    """Frontends, backends and endpoints that name only what they must are complete after loading."""
    haproxy = load_pool(minimal()).haproxy

    (frontend,), (backend,) = haproxy.frontends, haproxy.backends
    assert isinstance(frontend, Frontend)
    assert (frontend.name, frontend.bind_address) == ("frontend_0.0.0.0_80", "0.0.0.0")
    assert isinstance(backend, Backend)
    assert backend.balance == "roundrobin"
    assert backend.rewrite_http.request.forwardfor is True
    endpoint = backend.services[0].endpoint
    assert (endpoint.type, endpoint.port, endpoint.all_ports, endpoint.check.enabled) == (
        EndpointType.AUTO_IP,
        None,
        False,
        True,
    )


@pytest.mark.parametrize("name", SUPPORTED)
def test_what_is_shown_can_be_loaded_again_unchanged(name: str) -> None:
    """`show --json` feeds `update`: nothing is lost and nothing is invented on the way."""
    pool = load_pool(example(name))

    assert load_pool(output_pool(pool)) == shown(pool)
    assert load_pool(dump_pool(pool)) == pool
    assert output_pool(load_pool(output_pool(pool))) == output_pool(pool)


@pytest.mark.parametrize(("name", "path"), sorted(REFUSED.items()))
def test_documented_pools_with_unsupported_fields_are_refused_by_name(name: str, path: str) -> None:
    """A wish that cannot be met is never dropped silently."""
    rule = problems(example(name))[path]

    assert rule.startswith(("not supported yet", "unknown field", "looks at hosts or paths"))


def test_every_documented_pool_is_either_supported_or_known_to_be_refused() -> None:
    """The table of refused examples names only files that exist."""
    assert set(REFUSED) <= set(ALL)
    assert len(SUPPORTED) == 30


@pytest.mark.parametrize(
    "path",
    [
        *("request.forwardfor", "request.xForwardedPort", "request.xForwardedProtoHttpsIfTls"),
        *("request.setHostHeader", "request.rewritePath", "response.rewriteLocation"),
    ],
)
def test_what_is_switched_off_is_shown_as_switched_off(path: str) -> None:
    """Its absence would mean the opposite."""
    pool = load_pool(set_at(full(), f"haproxy.backends[0].rewriteHttp.{path}", False))
    assert load_pool(output_pool(pool)) == shown(pool) != shown(load_pool(full()))


def test_what_stands_one_level_too_high_is_refused_with_its_place() -> None:
    """Files of the product's documentation have it so."""
    rule = problems(set_at(full(), "haproxy.backends[0].request", {"forwardfor": True}))[
        "pool.haproxy.backends[0].request"
    ]
    assert rule == "unknown field; did you mean rewriteHttp.request?"


def test_the_documented_message_for_a_bad_name_is_kept_word_for_word() -> None:
    """Clients of the product match this text."""
    with pytest.raises(InvalidPool) as caught:
        load_pool({"name": "foo:bar"})

    assert str(caught.value) == "pool.name: foo:bar invalid: did not match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"


UNSUPPORTED: list[tuple[str, object, list[object]]] = [
    # path, a value that asks for something, values that ask for nothing
    ("cloudProvider", {"aws": {"elbs": []}}, [{}, None]),
]


@pytest.mark.parametrize(("path", "value", "_"), UNSUPPORTED, ids=[f"{row[0]}={row[1]}" for row in UNSUPPORTED])
def test_a_field_that_is_not_supported_yet_is_refused_by_its_path(path: str, value: object, _: object) -> None:
    """The rule says "not supported yet", so that nobody looks for a mistake of his own."""
    assert problems(set_at(full(), path, value)).get(f"pool.{path}", "").startswith("not supported yet")


@pytest.mark.parametrize(("path", "_", "harmless"), UNSUPPORTED, ids=[f"{row[0]}={row[1]}" for row in UNSUPPORTED])
def test_an_unsupported_field_may_hold_what_it_holds_when_absent(path: str, _: object, harmless: list[object]) -> None:
    """Old files with every default written out still load, to the same pool."""
    for value in harmless:
        assert load_pool(set_at(full(), path, value)) == load_pool(full())


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, Sticky(enabled=True)),
        ({"enabled": None}, Sticky(enabled=True)),
        ({"customStr": "SRV insert"}, Sticky(enabled=True, custom_str="SRV insert")),
        ({"enabled": False}, Sticky()),
        ({"enabled": False, "customStr": "SRV insert"}, Sticky(custom_str="SRV insert")),
        (None, Sticky()),
    ],
)
def test_sticky_is_on_as_soon_as_its_object_is_there(given: object, meant: Sticky) -> None:
    """And the pool as it is shown means the same."""
    pool = load_pool(set_at(full(), "haproxy.backends[0].rewriteHttp", {"sticky": given}))
    assert pool.haproxy.backends[0].rewrite_http.sticky == meant
    assert load_pool(dump_pool(pool)) == pool
    assert load_pool(output_pool(pool)) == shown(pool)


BOUNDS: list[tuple[str, list[object], list[object]]] = [
    # path, accepted, refused
    ("name", ["a", "a-1", "0", "a" * 63], ["", "A", "a_b", "-a", "a-", "a/b", "..", "a" * 64, "a\n", 5, None]),
    ("apiVersion", ["V2"], ["V1", "V3", 2]),
    ("type", ["static"], ["template-static", "template-dynamic", "", 1]),
    ("namespace", ["a/b", "", "/a/b/"], ["A", "a//b", "a b"]),
    ("packageName", ["x"], ["a b", 3]),
    ("packageVersion", ["v1.7.0", "stub-universe"], ["a b", "\n"]),
    ("role", ["*", "slave_public", "a/b"], ["a b", "/a", "a/", "-x", "a\n"]),
    ("cpus", [0.02, 1, 64], [0, 0.01, -1, True, "1", 2000]),
    ("cpusAdminOverhead", [0, 0.1], [-0.1, "0"]),
    ("mem", [64, 992, 992.0], [0, 63, -1, 1.5, True, "992"]),
    ("memAdminOverhead", [0, 32], [-1, 0.5]),
    ("disk", [0, 256], [-1, "256"]),
    ("count", [0, 1, 1000], [-1, 1001, 1.5, True, "1"]),
    ("ports", [[], [80, 443, 9090]], [[0, 80, 9090], [65536], [80, 80, 9090], "80", [True]]),
    ("constraints", ["", "hostname:UNIQUE"], ["hostname", "a:b:c:d:e", 3, "hostname:UNIQUE\n"]),
    ("poolHealthcheckGracePeriod", [1, 180], [0, -1, "180"]),
    ("poolHealthcheckInterval", [1, 12], [0]),
    ("poolHealthcheckMaxFail", [1, 5], [0]),
    ("poolHealthcheckTimeout", [2, 60], [1]),
    ("haproxy", [{}], [[], "x", 3]),
    ("haproxy.stats.bindAddress", ["127.0.0.1", "localhost", "[::1]"], ["*", "a b", "999.1.1.1", "1.2.3"]),
    ("haproxy.stats.bindPort", [0, 65535], [-1, 65536, "9090"]),
    ("haproxy.frontends", [[]], [{}, "x", [3]]),
    ("haproxy.frontends[0].name", ["web", "a:b_c.d-e", ""], ["stats", "a b", "a\nb", 'a"', "x" * 97]),
    ("haproxy.frontends[0].bindAddress", ["127.0.0.1", "::", "[FD00::1]"], ["*", "::1%lo", "a\n", "a" * 64 + ".test"]),
    ("haproxy.frontends[0].bindModifier", ["accept-proxy", ""], ["user root", 'x"', "a\nb", 1]),
    ("haproxy.frontends[0].miscStrs", [[], ["timeout client 1h"]], [["bind :1"], [""], [1], "acl a path /"]),
    ("haproxy.frontends[0].redirectToHttps", [None, {}, {"except": []}], [True, [], {"except": [{}]}, {"x": 1}]),
    ("haproxy.frontends[0].clients", [{}, {"allow": ["10.0.0.0/8"], "deny": ["::1"]}], [[], {"allow": "10.0.0.1"}]),
    ("haproxy.frontends[0].clients.allow", [[]], [["x"], ["10.0.0.1/8"]]),
    ("haproxy.frontends[0].clients.deny", [[]], [["10.0.0.0/33"], [""]]),
    ("haproxy.frontends[0].acceptProxy", [None, {}, {"from": []}, {"from": ["10.0.0.1"]}], [True, {"from": ["a"]}]),
    ("haproxy.frontends[0].requestHeaders", [[], [{"name": "X", "value": "y"}]], [{}, [{}], [{"name": "X"}]]),
    ("haproxy.frontends[0].responseHeaders", [[]], ["x", [{"name": "a b", "value": "y"}]]),
    ("haproxy.frontends[0].hsts", [None], [{}, True, {"maxAge": -1}]),
    ("haproxy.frontends[0].redirects", [[], [{"location": "https://a.test"}]], [{}, [{}], [{"location": "a b"}]]),
    ("haproxy.frontends[0].limits", [{}], [[], 1, {"connections": -1}, {"requestsPerClient": {"period": 0}}]),
    ("haproxy.frontends[0].limits.connections", [0, 100], [-1, 1.5, "1"]),
    ("haproxy.frontends[0].limits.connectionsPerClient", [0, 100], [-1]),
    ("haproxy.frontends[0].limits.requestBytes", [0, 1 << 30], [-1, "1M"]),
    ("haproxy.frontends[0].limits.requestsPerClient", [{}, {"count": 5, "period": 1}], [5, {"period": 86401}]),
    ("haproxy.frontends[0].limits.requestsPerClient.count", [0, 100], [-1]),
    ("haproxy.frontends[0].limits.requestsPerClient.period", [1, 86400], [0]),
    ("haproxy.frontends[0].timeouts", [{}], [[], 30]),
    ("haproxy.frontends[0].timeouts.client", [0, 0.5, 3600], [-1, "30s", 0.0001, 3_000_000]),
    ("haproxy.frontends[0].timeouts.httpRequest", [0, 10], [-1]),
    ("haproxy.frontends[0].timeouts.httpKeepAlive", [0, 10], [True]),
    ("haproxy.frontends[0].basicAuth", [None], [{}, {"users": []}, {"users": [{"name": "a", "passwordHash": "b"}]}]),
    ("haproxy.frontends[0].compression", [None, {}, {"types": ["text/html"]}], [[], {"types": []}, {"types": ["x"]}]),
    (
        "haproxy.frontends[0].errorPages",
        [[], [{"status": 503, "content": "x"}]],
        [{}, [{"status": 200}]],
    ),
    ("haproxy.frontends[0].bindPort", [0, 1, 65535], [-1, 65536, True]),
    ("haproxy.frontends[0].protocol", ["HTTP"], ["http", "UDP", 3]),
    ("secrets[0].secret", ["a", "/a/b.c", "a-b/_c"], ["", "a b", "a//b", "../a", "a/..", "a\nb", "x" * 513, None, 3]),
    ("secrets[2].file", ["x.pem"], ["", "clients.pem", "../a", "a/b", ".a", "a b", "x" * 129, None, 3]),
    (
        "environmentVariables",
        [{"ELB_FILE_CERT": "a\nb", "A_1": "b"}],
        [
            [],
            "x",
            {"ELB_FILE_CERT": 3},
            {"LD_A": "x"},
            {"1A": "x"},
            {"A": "a\nb"},
            {"A": "a\0"},
            {"MAPS": "/"},
        ],
    ),
    ("autoCertificate", [True, False], ["true", 1]),
    ("haproxy.frontends[1].protocol", ["HTTPS", "HTTP", "TLS"], ["https", 3]),
    (
        "haproxy.frontends[1].certificateHosts",
        [
            [],
            [{"certificate": "$SECRETS/web.pem"}],
            [{"certificate": "$AUTOCERT", "hosts": ["A.test", "*.a.test", "!b.a.test"]}],
        ],
        [
            {},
            [{"hosts": []}],
            [{"certificate": "$SECRETS/other.pem"}],
            [{"certificate": "$AUTOCERT"}, {"certificate": "$AUTOCERT"}],
            *([{"certificate": "$AUTOCERT", "hosts": [host]}] for host in ("a b", "a:1", "!*.a", "*", "!", "a\n/b", 3)),
        ],
    ),
    (
        "haproxy.frontends[1].certificates",
        [["$AUTOCERT"], ["$ENVFILE/ELB_FILE_CERT", "$SECRETS/clients.pem"]],
        [[], "$AUTOCERT", ["$SECRETS/nope.pem"], ["$ENVFILE/ELB_FILE_NOPE"], ["$ENVFILE/CERT"], ["/etc/x.pem"], [""]],
    ),
    ("haproxy.frontends[1].tls.policy", ["modern", "intermediate", "old"], ["Modern", "", 3]),
    ("haproxy.frontends[1].tls.http2", [True, False], ["yes", 1]),
    (
        "haproxy.frontends[1].tls.clientCertificates.ca",
        ["$SECRETS/web.pem", "$ENVFILE/ELB_FILE_CERT", ""],
        ["$AUTOCERT", "$SECRETS/nope.pem", "$SECRETS/../x", "x", "$SECRETS/a b"],
    ),
    ("haproxy.frontends[1].tls.clientCertificates.verify", ["required", "optional"], ["none", True]),
    ("haproxy.frontends[0].linkBackend.defaultBackend", ["app", ""], ["nope", "tcp", "a b"]),
    ("haproxy.frontends[0].linkBackend.map[0].backend", ["app"], ["", "nope", "tcp", None]),
    (
        "haproxy.frontends[0].linkBackend.map[0].hostEq",
        ["www.example.com", "WWW.Example.com", "a_b.c:8080", "x.test.", "x.test.:80", ""],
        ["a b", "a\nb", "a'b", "x" * 256, "*", "*.", "a.*.b", "*.b:80", "*a.b"],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].hostsEq",
        [[], None],
        ["a.test", [""], [None], ["a b"], ["a.test"]],  # the last one beside hostEq
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].hostReg",
        [r".*\.example\.com", r"^app-\d+\.test(:8080)?$", "", None],
        ["(", "a b", "a\nb", "x" * 513, "(a+)+", 3],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].pathEnd",
        [".js", "/", "-x", "", None],
        [" ", "a\nb", "a'b", "a$b", "x" * 1025, 3],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].pathReg",
        ["^/(a|b)/.*[.]png$", "it's", ""],
        ["[", "a b", "a\nb", "$(x", r"\1", "(?=x)", 3],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].headers",
        [[], None, [{"name": "a"}] * 4],
        [{}, [{}], [{"name": "a"}] * 5, [{"name": "a", "valueEq": "b", "valueReg": "c"}]],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].headers[0].name",
        ["X-Canary", "user_agent"],
        ["", "Host", "cookie", "a b", "a:", "a\nb", "a)", "x" * 65, 3],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].headers[0].valueEq",
        ["always", "a, 'b' \"c\" $d # 100%", "", None],
        [" a", "a\nb", "\u00e4", "x" * 257, 3],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].headers[0].valueReg",
        ["(?i)^curl/[0-9]+", "it's", ""],
        ["[", "a b", "a\nb", "(a+)+", 3],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].cookies",
        [[], None, [{"name": "a"}] * 4],
        [{}, [{}], [{"name": "a"}] * 5, [{"name": "a", "valueEq": "b", "valueReg": "c"}]],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].cookies[0].name",
        ["version", "a.b-c_d"],
        ["", "a b", "a=", "a;", "a\nb", "a)", "$a", "x" * 65, 3],
    ),
    (
        "haproxy.frontends[0].linkBackend.map[0].cookies[0].valueEq",
        ["2", "it's#100%$a=", "", None],
        ["a b", "a;b", "a,b", '"a"', "a\\b", "a\nb", "\u00e4", "x" * 257, 3],
    ),
    ("haproxy.frontends[0].linkBackend.map[0].cookies[0].valueReg", ["^a", ""], ["[", "a b", "a\nb", "(a+)+", 3]),
    (
        "haproxy.frontends[0].linkBackend.map[0].pathBeg",
        ["/", "/a/b.c~d%20e", ""],
        ["a", "/a b", "/a\nb", '/"', "/a$b", "/a'b", "/a\\b", "/" + "x" * 1024],
    ),
    ("haproxy.backends[0].protocol", ["HTTP", "HTTPS"], ["https", "UDP", 3]),
    ("haproxy.backends[1].protocol", ["TCP", "TLS", "HTTP"], ["tls", True]),
    ("haproxy.backends[0].name", [], ["a b", "", "a\n", "x" * 97]),
    (
        "haproxy.backends[0].balance",
        ["roundrobin", "leastconn", "source", "uri depth 2 len 8", "url_param id", "hdr(Host)", "random(2)", ""],
        ["magic", "roundrobin\n  mode tcp", "uri; x", "hdr()", "uri len 0", "uri depth 0"],
    ),
    ("haproxy.backends[0].customCheck.httpchk", [True, False, None], [1, "true"]),
    *(
        (
            f"haproxy.backends[0].{name}",
            [[], [{"name": "X", "value": "y"}]],
            [{}, [{}], [{"name": "X"}], [{"name": "Host", "value": "x"}]],
        )
        for name in ("requestHeaders", "responseHeaders")
    ),
    ("haproxy.backends[1].requestHeaders", [[]], [[{"name": "X", "value": "y"}]]),
    ("haproxy.backends[0].minimumServers", [0, 60_000], [-1, 60_001, "1"]),
    ("haproxy.backends[0].http2", [True, False], ["true", 1]),
    ("haproxy.backends[0].tls.serverName", ["", None], ["a.test", "10.0.0.1", "a b", 3]),
    ("haproxy.backends[2].tls.serverName", ["", "A.Test.", "x_y"], ["10.0.0.1", "a b", 3]),
    (
        "haproxy.backends[2].tls.ca",
        ["$SECRETS/web.pem", "$ENVFILE/ELB_FILE_CERT", ""],
        ["$AUTOCERT", "$SYSTEM", "$SECRETS/nope.pem", "$SECRETS/../x", "x", "$SECRETS/a b", "@system-ca"],
    ),
    ("haproxy.backends[2].tls.verifyHost", ["", "A.Test."], ["10.0.0.1", "a b", "a\nb", 3]),
    (
        "haproxy.backends[2].tls.certificate",
        ["$SECRETS/web.pem", "$ENVFILE/ELB_FILE_CERT", "$AUTOCERT", ""],
        ["$SYSTEM", "$SECRETS/nope.pem", "$SECRETS/../x", "x", "$SECRETS/a b"],
    ),
    *(
        (f"haproxy.backends[0].timeouts.{name}", [0.001, 60, 2_000_000], [0, -1, "5s", 2_000_001, True])
        for name in ("connect", "server", "queue", "tunnel", "check")
    ),
    ("haproxy.backends[0].retries.count", [0, 10], [-1, 11, "3"]),
    ("haproxy.backends[0].retries.on", [[], ["503", "response-timeout"]], [["505"], "503", [503], [None]]),
    ("haproxy.backends[0].retries.methods", [[], ["GET", "POST"]], [["get"], "GET", ["TRACE"], [""]]),
    ("haproxy.backends[1].retries.on", [["conn-failure", "empty-response"]], [["503"]]),
    ("haproxy.backends[1].retries.methods", [["GET", "HEAD"]], [["GET"]]),
    (
        "haproxy.backends[0].miscStrs",
        [[], ["timeout server 1h", "  option httpchk # x"], ['http-request set-header X "a b"']],
        ["retries 3", [""], ["x"], ["server a 10.0.0.1:1"], ["cookie S insert"], ["retries 3\nserver a b"], [3]],
    ),
    (
        "haproxy.backends[0].customCheck.httpchkMiscStr",
        ["", "GET /health", "/ping?x=%20y", r"HEAD / HTTP/1.1\r\nHost:\ www.example.com\r\nX-A: b"],
        ["GET", "TRACE /", "GET /a b c", "GET /'", "GET /$x", r"GET / HTTP/1.1\r\nHost: 'x", "GET / HTTP/2", 3],
    ),
    ("haproxy.backends[0].customCheck.sslHelloChk", [True, False], ["x"]),
    (
        "haproxy.backends[0].customCheck.miscStr",
        ["", "option tcp-check", "option mysql-check user haproxy", "option redis-check"],
        ["http-check expect status 200", "server x 1.2.3.4", "option tcp-check\nserver x", "option external-check"],
    ),
    (
        "haproxy.backends[0].rewriteHttp.host",
        ["app.test", "APP.Test:8080", "10.0.0.1", ""],
        ["a b", "a\nb", "a'b", "http://app.test", "app.test/x", "app.test:", "app.test:x", "[::1]", 3],
    ),
    ("haproxy.backends[0].rewriteHttp.path.fromPath", ["/a", "/a//b/", ""], ["a", "/a b", "/a'b", "/a\nb", "/$a", 3]),
    ("haproxy.backends[0].rewriteHttp.path.toPath", ["/", "/a%20(b)", ""], ["a", "/a b", "/a'b", "/a\\1", "/{a"]),
    ("haproxy.backends[0].rewriteHttp.sticky.enabled", [True, False, None], ["true", 0]),
    (
        "haproxy.backends[0].rewriteHttp.sticky.customStr",
        [
            "",
            "SRV insert",
            "cookie SRV insert indirect nocache",
            "JSESSIONID prefix nocache",
            "A rewrite domain .a.test",
        ],
        ["SRV", "SRV insert prefix", "SRV insert x", "SRV insert\nserver", "S$ insert", "SRV insert attr a;b", 3],
    ),
    ("haproxy.backends[0].rewriteHttp.request.forwardfor", [True, False, None], ["true", 0]),
    ("haproxy.backends[0].rewriteHttp.request.xForwardedPort", [True, False], [1]),
    ("haproxy.backends[0].rewriteHttp.request.xForwardedProtoHttpsIfTls", [True, False], ["no"]),
    ("haproxy.backends[0].rewriteHttp.request.setHostHeader", [True, False], [[]]),
    ("haproxy.backends[0].rewriteHttp.request.rewritePath", [True, False], [{}]),
    ("haproxy.backends[0].rewriteHttp.response.rewriteLocation", [True, False], ["x"]),
    ("haproxy.backends[0].rewriteHttp.response.rewriteCookiePath", [True, False], [1]),
    (
        "haproxy.backends[0].services[0].marathon.serviceID",
        ["/a/b", "it's", '/a"', "/a\\b`"],
        ["/a\nb", "\ud800", "x" * 513],
    ),
    (
        "haproxy.backends[0].services[0].marathon.serviceIDPattern",
        ["^/a.*$", "a|b"],
        ["(", "(?=x)", r"(a)\1", "x" * 513],
    ),
    ("haproxy.backends[0].services[0].marathon.containerName", ["web"], ["a\0b"]),
    ("haproxy.backends[0].services[0].marathon.containerNamePattern", ["web.*"], ["["]),
    ("haproxy.backends[1].services[0].mesos.frameworkName", ["kafka"], ["a\nb"]),
    ("haproxy.backends[1].services[0].mesos.frameworkNamePattern", ["kafka"], ["*"]),
    ("haproxy.backends[1].services[0].mesos.frameworkID", ["1-2"], ["a\tb"]),
    ("haproxy.backends[1].services[0].mesos.frameworkIDPattern", ["1.*"], ["["]),
    ("haproxy.backends[1].services[0].mesos.taskName", ["broker-0"], ["a\nb"]),
    ("haproxy.backends[1].services[0].mesos.taskNamePattern", ["^broker-*$"], ["(?=a)"]),
    ("haproxy.backends[1].services[0].mesos.taskID", ["broker-0__1", "'"], ["\0"]),
    ("haproxy.backends[1].services[0].mesos.taskIDPattern", ["broker"], [")"]),
    ("haproxy.backends[0].services[0].endpoint.type", ["AUTO_IP", "AGENT_IP", "CONTAINER_IP"], ["VIP", "ADDRESS", 1]),
    ("haproxy.backends[1].services[0].endpoint.port", [-1, 1, 65535], [0, -2, 65536, "80"]),
    ("haproxy.backends[0].services[0].endpoint.portName", ["web", ""], ["a\nb", 3]),
    ("haproxy.backends[0].services[0].endpoint.allPorts", [False], [True, "true", 1]),
    ("haproxy.backends[0].services[0].endpoint.trustAnnounced", [False, True], ["true", 1]),
    ("haproxy.backends[0].services[0].endpoint.check.enabled", [True, False], ["yes", 0]),
    ("haproxy.backends[0].services[0].percent", [-1, 100], [-2, 101, 50, 0, "100", 1.5]),
    ("haproxy.backends[0].services[0].endpoint.weight", [0, 1, 256], [-1, 257, "2", 1.5, True]),
    ("haproxy.backends[0].services[0].endpoint.backup", [True, False], ["yes", 1]),
    ("haproxy.backends[0].services[0].endpoint.maxConnections", [0, 1_000_000], [-1, 1_000_001, "9"]),
    ("haproxy.backends[0].services[0].endpoint.slowStart", [0, 0.5, 3600], [-1, 3601, "5s"]),
    ("haproxy.backends[0].services[0].endpoint.proxyProtocol", ["NONE", "V1", "V2"], ["v2", "", True]),
    (
        "haproxy.backends[0].services[0].endpoint.miscStr",
        ["", "weight 20", " weight 256  backup ", "maxconn 5 slowstart 10s send-proxy-v2", "proto h2", "ssl"],
        ["weight", "weight 257", "weight x", "cookie a", "check", "crt /etc/x", "weight 2\n", "a;b", 'x"', "$X"],
    ),
    (
        "haproxy.backends[0].services[0].endpoint.check.customStr",
        ["", "inter 5s fall 2 rise 1", "port 8080 addr 10.0.0.1", "check-ssl", "observe layer7 on-error mark-down"],
        ["weight 2", "inter", "inter 0", "inter 99999h", "port 0", "port 65536", "inter 5s\nx", "addr a.test", 3],
    ),
    ("principal", ["me", "a:b@c", ""], ["a b", "x" * 256, 3, "a\n"]),
    ("secretName", ["dcos-edgelb/edge-lb-secret", ""], ["a b", "x" * 256, 3]),
    (
        "containerImage",
        ["edgelb", "registry.example.com:5000/team/edgelb:1.0", "edgelb@sha256:" + "a" * 64, ""],
        ["a b", "-x", "$IMAGE", "x" * 256, 3, 'a"', "a\n"],
    ),
    ("drainTime", [0, 1, 3600], [-1, 3601, 1.5, "30", True]),
    ("relaunch", ["AUTO", "AHEAD", "IN_PLACE"], ["auto", "", True]),
    (
        "virtualNetworks",
        [[], [{"name": "dcos"}], [{"name": "a"}, {"name": "b", "labels": {"x": "y z", "k": ""}}]],
        [
            *([{}], [{"name": ""}], [{"name": "a b"}], ["dcos"], "dcos", [{"name": "a"}, {"name": "a"}]),
            *([{"name": "a", "labels": {"": "x"}}], [{"name": "a", "labels": {"x": 1}}], [{"name": "a", "labels": []}]),
            *([{"name": "a", "labels": {"x": "a\nb"}}], [{"name": "a", "labels": {"a b": "x"}}], [{"name": "a\nb"}]),
            *([{"name": "a", "labels": {f"x{number}": "" for number in range(51)}}], [{"name": "a", "extra": 1}]),
        ],
    ),
    ("haproxy.backends[0].services[0].endpoint.address", [""], ["10.0.0.1", "a b"]),
]


@pytest.mark.parametrize(("path", "accepted", "refused"), BOUNDS, ids=[row[0] for row in BOUNDS])
def test_each_field_accepts_what_it_may_hold_and_refuses_the_rest_by_its_path(
    path: str, accepted: list[object], refused: list[object]
) -> None:
    """Bounds are checked, and the message names the field or the one it contradicts."""
    for value in accepted:
        load_pool(set_at(full(), path, value))
    for value in refused:
        found = problems(set_at(full(), path, value))
        parents = {f"pool.{path}".rpartition(".")[0], f"pool.{path}"}
        assert any(at in parents or at.startswith(f"pool.{path}") for at in found), (value, found)


def test_the_table_of_bounds_covers_every_field_of_the_schema() -> None:
    """A field that is added gets a row here or is listed as unsupported."""
    written = {row[0] for row in BOUNDS} | {row[0] for row in UNSUPPORTED}
    names = {path.rpartition(".")[2].partition("[")[0] for path in written}

    def fields(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for item in value.values() for name in fields(item)}
        if isinstance(value, list):
            return {name for item in value for name in fields(item)}
        return set()

    structure = {"linkBackend", "map", "services", "marathon", "mesos", "endpoint", "check", "backends", "stats"}
    structure |= {"secrets", "tls", "clientCertificates", "ELB_FILE_CERT"}
    rewriting = {"rewriteHttp", "request", "response", "path", "customCheck", "timeouts", "retries", "tls"}
    assert fields(dump_pool(load_pool(full()))) - structure - rewriting <= names


@pytest.mark.parametrize(
    "path",
    ["", "haproxy.", "haproxy.stats.", "haproxy.frontends[0].", "haproxy.backends[0].services[0].endpoint."],
)
def test_an_unknown_field_is_refused_with_a_guess_at_what_was_meant(path: str) -> None:
    """Misspelt fields are the most frequent mistake in hand-written files."""
    assert "unknown field" in problems(set_at(full(), f"{path}zzz", 1))[f"pool.{path}zzz"]
    assert (
        "did you mean bindPort?" in problems(set_at(full(), "haproxy.stats.bindport", 1))["pool.haproxy.stats.bindport"]
    )


@pytest.mark.parametrize("data", [None, [], "web", 3, True])
def test_what_is_no_object_is_no_pool(data: object) -> None:
    """Any JSON value may arrive."""
    assert problems(data)["pool"] == "must be an object"


def test_a_list_of_pools_is_refused_as_the_old_form_and_nothing_else() -> None:
    """That a name is missing at the top would hide what is wrong with a V1 file."""
    with pytest.raises(InvalidPool) as refused:
        load_pool({"pools": [{"name": "web", "count": 1}]})
    assert [problem.path for problem in refused.value.problems] == ["pool.pools"]
    assert "create each at v1/loadbalancers" in str(refused.value)


@pytest.mark.parametrize("path", ["count", "cpus"])
def test_a_number_in_quotes_is_refused_as_a_string(path: str) -> None:
    """The value is shown without its quotes: the rule has to say what it is."""
    with pytest.raises(InvalidPool, match=rf"^pool\.{path}: 2 invalid: must be a (whole )?number, not a string$"):
        load_pool({**minimal(), path: "2"})


def test_null_means_absent_as_in_the_product() -> None:
    """Files written by Go programs hold nulls."""
    assert load_pool(minimal(count=None, constraints=None, ports=None)) == load_pool(minimal())


def test_zero_is_kept_where_absence_would_mean_something_else() -> None:
    """A pool of zero instances, no constraints, no disk and dynamic ports survives being shown."""
    pool = load_pool(minimal(count=0, constraints="", disk=0, memAdminOverhead=0, cpusAdminOverhead=0))
    shown = output_pool(pool)

    assert (shown["count"], shown["constraints"], shown["disk"]) == (0, "", 0)
    assert load_pool(shown) == pool
    dynamic = load_pool(set_at(minimal(), "haproxy.stats", {"bindPort": 0}))
    assert output_pool(dynamic)["haproxy"]["stats"]["bindPort"] == 0


def test_zero_values_are_dropped_elsewhere() -> None:
    """Empty strings, lists and false are left out of what is shown."""
    shown = output_pool(load_pool(minimal()))

    assert "ports" not in shown
    assert "packageVersion" not in shown
    assert "address" not in shown["haproxy"]["backends"][0]["services"][0]["endpoint"]
    assert "map" not in shown["haproxy"]["frontends"][0]["linkBackend"]


def test_backends_repeated_word_for_word_are_one() -> None:
    """The product tolerated them, and they must not become two sections."""
    data = minimal()
    data["haproxy"]["backends"] *= 2

    assert len(load_pool(data).haproxy.backends) == 1


def test_hosts_are_compared_in_lower_case() -> None:
    """Host names have no case."""
    data = set_at(full(), "haproxy.frontends[0].linkBackend.map[0].hostEq", "WWW.Example.COM")

    assert load_pool(data).haproxy.frontends[0].link_backend.map[0].host_eq == "www.example.com"


def test_the_value_of_a_secret_never_stands_in_a_message() -> None:
    """Only scalars are shown; what is in environment variables is not."""
    with pytest.raises(InvalidPool) as caught:
        load_pool(minimal(environmentVariables={"PATH": "-----BEGIN RSA PRIVATE KEY-----"}))

    assert "PRIVATE" not in str(caught.value)


def test_all_problems_are_told_at_once_but_not_without_end() -> None:
    """People correct a file once; a file with a thousand mistakes gets a message of bounded length."""
    data = minimal()
    data["haproxy"]["backends"] = [{"name": "b", "x": 1} for _ in range(500)]

    with pytest.raises(InvalidPool) as caught:
        load_pool(data)

    assert (len(caught.value.problems), caught.value.more) == (20, 480)
    assert str(caught.value).endswith("; and 480 more")


def calls(action: Callable[[], object]) -> int:
    """How many functions are called, of Python and of C: what it costs, whatever else the machine does."""
    count = 0

    def each(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(each)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        lambda many: {f"nmae{index}": 1 for index in range(many)},
        lambda many: {"name": "web", "haproxy": {"backends": [{"nmae": "x"} for _ in range(many)]}},
        lambda many: {"name": "web", "ports": ["80"] * many},
        lambda many: minimal(haproxy={"frontends": [{"bindPort": 80, "protocol": "HTTP"}] * many}),
    ],
)
def test_ten_times_the_mistakes_cost_ten_times_the_work(body: Callable[[int], dict[str, object]]) -> None:
    """A megabyte of unknown fields took ten seconds: each was compared with every known name."""

    def refuse(many: int) -> Callable[[], object]:
        data = body(many)

        def load() -> None:
            with pytest.raises(InvalidPool):
                load_pool(data)

        return load

    refuse(2)()
    assert calls(refuse(3000)) < 15 * calls(refuse(300))
    assert calls(refuse(3000)) < 3000 * 500


def test_a_mistake_as_long_as_a_book_is_only_refused() -> None:
    """Looking for what is meant takes time by the square of its length."""
    assert "known are" in problems({"name": "web", "count" * 10_000: 1})["pool." + "count" * 15 + "co..."]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("app-*.x.test", "may hold * only for whole names at the beginning, as in *.example.com"),
        ("*.x.test:80", "may hold * only for whole names at the beginning, as in *.example.com"),
        ("a.test,b.test", "must be one host; give several as a list in hostsEq"),
        ("a.test b.test", "must be one host; give several as a list in hostsEq"),
        ("https://x.test/", "is a URL; give its host only"),
        ("x.test/api", "holds a path; give the host only"),
        ("[::1]:80", "is an IPv6 address"),
        ("::1", "is an IPv6 address"),
        ("b\u00fccher.test", "must be in ASCII"),
        ("-x.test", "must be a host name such as"),
    ],
)
def test_a_host_is_refused_with_the_reason_it_is_refused_for(value: str, rule: str) -> None:
    """Case is never the reason: it is lowered first."""
    path = "haproxy.frontends[0].linkBackend.map[0].hostEq"
    assert problems(set_at(full(), path, value))[f"pool.{path}"].startswith(rule)


def test_the_dot_at_the_end_of_a_complete_name_is_dropped() -> None:
    """Clients send both forms; a server's name is never completed by anything."""
    path = "haproxy.frontends[0].linkBackend.map[0].hostEq"
    assert load_pool(set_at(full(), path, "X.test.:80")).haproxy.frontends[0].link_backend.map[0].host_eq == "x.test:80"
    service = {"endpoint": {"type": "ADDRESS", "address": "localhost.", "port": 80}}
    pool = load_pool(set_at(full(), "haproxy.backends[0].services", [service]))
    assert pool.haproxy.backends[0].services[0].endpoint.address == "localhost"


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "255.255.255.255", "a" * 64 + ".test"])
def test_an_address_that_can_be_no_server_is_refused(address: str) -> None:
    """HAProxy takes 0.0.0.0 for whatever address the client asked for."""
    service = {"endpoint": {"type": "ADDRESS", "address": address, "port": 80}}
    found = problems(set_at(full(), "haproxy.backends[0].services", [service]))
    assert set(found) == {"pool.haproxy.backends[0].services[0].endpoint.address"}


def test_names_are_refused_with_sentences() -> None:
    """A regular expression is none, and the empty text matched the one that it was refused with."""
    backend = "haproxy.backends[0].name"
    assert problems(set_at(full(), backend, ""))[f"pool.{backend}"] == "must not be empty"
    assert problems(set_at(full(), backend, "a b"))[f"pool.{backend}"] == "must be of letters, digits and : _ . -"
    assert problems({"name": ""})["pool.name"] == "must not be empty"
    assert "lower case letters" in problems(minimal(namespace="A"))["pool.namespace"]


def test_who_writes_a_pool_is_shown_and_cannot_be_chosen() -> None:
    """Nobody makes a pool one that others write."""
    assert problems(minimal(type="template-dynamic"))["pool.type"] == (
        "must be static, or not be there: pools of type template-dynamic are made from the labels of applications"
    )
    assert output_pool(load_pool(minimal(type="static")))["type"] == "static"
    assert output_pool(replace(load_pool(minimal()), type=PoolType.DYNAMIC))["type"] == "template-dynamic"


def test_the_place_of_a_problem_is_a_json_pointer_too() -> None:
    """RFC 6901: ~ and / are escaped, and a dot in a key is no step; in a URI fragment, as RFC 9457 has it."""
    data = minimal(**{"a/b~c.d[0] e": 1})
    data["haproxy"]["frontends"][0]["linkBackend"]["defaultBackend"] = "nope"
    with pytest.raises(InvalidPool) as caught:
        load_pool(data)
    assert caught.value.problems[0].pointer == "#/a~1b~0c.d%5B0%5D%20e"
    del data["a/b~c.d[0] e"]
    with pytest.raises(InvalidPool) as caught:
        load_pool(data)
    assert caught.value.problems[0].pointer == "#/haproxy/frontends/0/linkBackend/defaultBackend"
    with pytest.raises(InvalidPool) as caught:
        load_pool([])
    assert caught.value.problems[0].pointer == "#"


def test_what_is_not_supported_yet_is_no_mistake() -> None:
    """The value is valid, and the name that version 1 had for a field is known."""
    with pytest.raises(InvalidPool, match=r"^pool.cloudProvider: not supported yet$"):
        load_pool(minimal(cloudProvider={"aws": {}}))
    service = {"framework": {"value": "marathon"}, "marathon": {"serviceID": "/a"}}
    found = problems(set_at(full(), "haproxy.backends[0].services", [service]))
    assert found["pool.haproxy.backends[0].services[0].framework"] == "unknown field; did you mean mesos.frameworkName?"


def test_protocols_of_the_model_are_those_of_the_documentation() -> None:
    """The enumeration is complete."""
    assert [item.value for item in Protocol] == ["HTTP", "HTTPS", "TCP", "TLS"]
