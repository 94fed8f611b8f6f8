"""The words by which servers are connected to."""

import pytest

from api.dcos_template.connecting import connecting
from scheduler.pools.model import Protocol, ServerTls
from scheduler.pools.model.rewrite import RewriteHttp, RewriteRequest
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from sdk.errors import InvalidSpec
from tests.support.pools import minimal
from tests.unit.api.dcos_template.pools import backend

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
        ({"protocol": Protocol.TCP, "tls": ServerTls(server_name="b.test"), "http2": True}, ""),
    ],
)
def test_tls_asks_for_the_name_that_the_backend_says(fields: dict[str, object], words: str) -> None:
    """Else for the host that servers are told, which is none in TCP."""
    assert connecting(backend("app", **fields)) == words


@pytest.mark.parametrize("name", ["10.0.0.1", "a.test) x", "a b", "a\nb"])
def test_no_other_word_can_come_by_the_name(name: str) -> None:
    """Whatever stands in ZooKeeper."""
    with pytest.raises(InvalidSpec, match=r"backend app: tls\.serverName"):
        connecting(backend("app", protocol=Protocol.TLS, tls=ServerTls(server_name=name)))


@pytest.mark.parametrize(
    ("fields", "misc", "problem"),
    [
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
