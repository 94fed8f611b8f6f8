"""Backends that come again are read as if they came for the first time."""

from typing import Any

import pytest

from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import dump_pool, load_pool


def document(*backends: Any) -> dict[str, Any]:
    return {"name": "web", "haproxy": {"frontends": [], "backends": list(backends)}}


def backend(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "services": [{"mesos": {"taskName": name}}], **fields}


def test_equal_backends_of_two_requests_are_one_value() -> None:
    """And one that differs is another."""
    first = load_pool(document(backend("a"), backend("b")))
    second = load_pool(document(backend("a"), backend("b", balance="leastconn")))
    assert first.haproxy.backends[0] is second.haproxy.backends[0]
    assert [one.balance for one in second.haproxy.backends] == ["roundrobin", "leastconn"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (backend("c", balance=7), "haproxy.backends[1].balance"),
        (backend("c", http2=1), "haproxy.backends[1].http2"),
        (backend("c") | {1: 2}, "haproxy.backends[1][1]"),
        ({"name": {1, 2}}, "haproxy.backends[1].name"),
        (7, "haproxy.backends[1]"),
    ],
)
def test_a_wrong_one_is_told_with_its_place_each_time(wrong: Any, told: str) -> None:
    """What stands beside it was read before."""
    load_pool(document(backend("a")))
    for _ in range(2):
        with pytest.raises(InvalidPool) as refused:
            load_pool(document(backend("a"), wrong))
        assert [one.path for one in refused.value.problems] == [f"pool.{told}"]


def test_true_is_not_one_however_often_it_comes() -> None:
    """Equal for Python, and not for JSON."""
    load_pool(document(backend("a", http2=True)))
    with pytest.raises(InvalidPool):
        load_pool(document(backend("a", http2=1)))


def test_what_is_written_is_ones_own() -> None:
    """Whoever changes it changes nothing for who gets the same after him."""
    sent = document(backend("app"))
    rule = {"backend": "app", "hostsEq": ["a.test"]}
    sent["haproxy"]["frontends"] = [{"protocol": "HTTP", "bindPort": 80, "linkBackend": {"map": [rule]}}]
    pool = load_pool(sent)
    first = dump_pool(pool)
    first["haproxy"]["backends"][0]["services"].clear()
    first["haproxy"]["frontends"][0]["linkBackend"]["map"][0]["hostsEq"].append("b.test")
    assert load_pool(dump_pool(pool)) == pool
