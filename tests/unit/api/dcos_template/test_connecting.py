"""The words by which servers are connected to."""

import pytest

from api.dcos_template.rendering.build import build_backend
from api.dcos_template.rendering.connecting import connecting
from scheduler.pools.model import Endpoint, Protocol, ServerTls
from scheduler.pools.model.rewrite import RewriteHttp, RewriteRequest
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from sdk.errors import InvalidSpec
from tests.support.pools import minimal
from tests.unit.api.dcos_template.pools import backend, service

TLS = "ssl verify none check-ssl"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"protocol": Protocol.HTTPS}, TLS),
        (
            {"protocol": Protocol.HTTPS, "rewrite_http": RewriteHttp(host="a.test:1")},
            f"{TLS} sni str(a.test) check-sni a.test",
        ),
        ({"protocol": Protocol.HTTPS, "rewrite_http": RewriteHttp(host="10.0.0.1")}, TLS),
        (
            {
                "protocol": Protocol.HTTPS,
                "rewrite_http": RewriteHttp(host="a.test", request=RewriteRequest(set_host_header=False)),
            },
            TLS,
        ),
        ({"protocol": Protocol.TLS, "rewrite_http": RewriteHttp(host="a.test")}, TLS),
        ({"protocol": Protocol.TLS, "tls": ServerTls(server_name="b.test")}, f"{TLS} sni str(b.test) check-sni b.test"),
        (
            {"protocol": Protocol.TLS, "tls": ServerTls(ca="$SECRETS/ca.pem", certificate="$AUTOCERT")},
            "ssl verify required ca-file secrets/ca.pem check-ssl crt autocert/autocert.pem",
        ),
        (
            {"protocol": Protocol.TLS, "tls": ServerTls(ca="$SYSTEM", verify_host="b.test")},
            "ssl verify required ca-file system/authorities.pem verifyhost b.test check-ssl",
        ),
        ({"protocol": Protocol.TCP, "tls": ServerTls(server_name="b.test"), "http2": True}, ""),
    ],
)
def test_tls_asks_for_the_name_that_the_backend_says(fields: dict[str, object], words: str) -> None:
    """Else for the host that servers are told, which is none in TCP."""
    assert connecting(backend("app", **fields)) == words


@pytest.mark.parametrize("name", ["10.0.0.1", "a.test) x", "a b", "a\nb"])
@pytest.mark.parametrize("field", ["server_name", "verify_host"])
def test_no_other_word_can_come_by_the_name(name: str, field: str) -> None:
    """Whatever stands in ZooKeeper."""
    with pytest.raises(InvalidSpec, match=r"backend app: tls\.(serverName|verifyHost)"):
        connecting(backend("app", protocol=Protocol.TLS, tls=ServerTls(ca="$SYSTEM", **{field: name})))


@pytest.mark.parametrize("name", ["/etc/passwd", "$SECRETS/a b", "$SECRETS/../a", "$SECRETS/", "a", "$SECRETS/a\nb"])
@pytest.mark.parametrize("field", ["ca", "certificate"])
def test_no_other_file_can_come_by_its_name(name: str, field: str) -> None:
    """Nor another word."""
    with pytest.raises(InvalidSpec, match=r"backend app: tls\.(authorities|identities)\[0\]"):
        connecting(backend("app", protocol=Protocol.TLS, tls=ServerTls(**{field: name})))


def test_no_word_of_a_service_can_switch_the_verification_off() -> None:
    """A later release of the API may have taken it."""
    words = service(Endpoint(misc_str="verify none"), task_name="a")
    with pytest.raises(InvalidSpec, match=r"backend app: endpoint\.miscStr"):
        build_backend(backend("app", words, protocol=Protocol.TLS, tls=ServerTls(ca="$SECRETS/ca.pem")))


@pytest.mark.parametrize(
    ("fields", "misc", "problem"),
    [
        (
            {"tls": {"verifyHost": "a.test"}, "protocol": "TLS"},
            "",
            "verifyHost: a.test invalid: is looked at only",
        ),
        (
            {"tls": {"ca": "$SYSTEM"}, "protocol": "TLS"},
            "",
            "tls.ca: $SYSTEM invalid: trusts certificates of",
        ),
        (
            {
                "tls": {"ca": "$SYSTEM", "verifyHost": "a.test"},
                "protocol": "HTTPS",
                "rewriteHttp": {"host": "b.test:1"},
            },
            "",
            "tls.verifyHost: a.test invalid: is not looked at: servers are asked for b.test",
        ),
        ({"tls": {"ca": "/etc/ca"}, "protocol": "TLS"}, "", "tls.ca: /etc/ca invalid: must be $SECRETS/<file of a"),
        ({"tls": {"ca": "$SECRETS/a"}, "protocol": "TLS"}, "", "tls.ca: $SECRETS/a invalid: is brought by no secret"),
        (
            {"tls": {"certificate": "$SECRETS/a"}, "protocol": "TLS"},
            "",
            "certificate: $SECRETS/a invalid: is brought",
        ),
        (
            {"tls": {"ca": "$SYSTEM", "serverName": "a.test"}, "protocol": "TLS"},
            "inter 5s verify none",
            "miscStr: inter 5s verify none invalid: holds verify, of which tls.ca says something",
        ),
        ({"http2": True, "protocol": "TCP"}, "", "backends[0].http2: true invalid: is about HTTP"),
        ({"http2": True}, "proto h2", "miscStr: proto h2 invalid: holds proto, of which http2 says"),
        ({"tls": {"serverName": "a.test"}}, "", "backends[0].tls: is about TLS"),
    ],
)
def test_what_the_protocol_does_not_have_is_refused(fields: dict[str, object], misc: str, problem: str) -> None:
    """By the field that says so."""
    pool = minimal()
    del pool["haproxy"]["frontends"]
    pool["haproxy"]["backends"][0].update(fields)
    pool["haproxy"]["backends"][0]["services"][0]["endpoint"]["miscStr"] = misc
    with pytest.raises(InvalidPool) as refused:
        load_pool(pool)
    assert problem in str(refused.value)
