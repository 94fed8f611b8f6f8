"""What the fields of an endpoint say in HAProxy's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.selecting.endpoint import spoken
from scheduler.pools.model import Endpoint, ProxyProtocol
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.words.server_fields import field_words
from scheduler.pools.words.server_words import ServerWords, misc_problem
from tests.support.pools import minimal


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (Endpoint(), ServerWords()),
        (Endpoint(weight=0, backup=True), ServerWords("backup", 0)),
        (Endpoint(max_connections=5, slow_start=0.25), ServerWords("maxconn 5 slowstart 250ms")),
        (
            Endpoint(proxy_protocol=ProxyProtocol.V1, misc_str="weight 7"),
            ServerWords("send-proxy check-send-proxy", 7),
        ),
    ],
)
def test_each_field_has_its_option(endpoint: Endpoint, words: ServerWords) -> None:
    """What HAProxy does by itself is not said."""
    assert spoken(endpoint) == words


@given(st.integers(), st.integers(), st.floats())
def test_values_that_no_api_has_seen_say_nothing(weight: int, most: int, slow: float) -> None:
    """They may stand in ZooKeeper; what is said is always what may be said."""
    wish = Endpoint(weight=weight, max_connections=most, slow_start=slow)
    if misc_problem(field_words(wish)):
        assert spoken(wish) == ServerWords()
    else:
        assert misc_problem(spoken(wish).words) is None


@pytest.mark.parametrize(
    ("fields", "misc"),
    [
        ({"weight": 20}, "weight 10"),
        ({"backup": True}, "backup"),
        ({"maxConnections": 3}, "maxconn 4"),
        ({"slowStart": 3}, "slowstart 4s"),
        ({"proxyProtocol": "V1"}, "send-proxy-v2"),
    ],
)
def test_nothing_is_said_in_two_ways(fields: dict[str, object], misc: str) -> None:
    """Nobody could tell which of them counts."""
    pool = minimal()
    endpoint = pool["haproxy"]["backends"][0]["services"][0]["endpoint"]
    endpoint.update(fields)
    load_pool(pool)
    endpoint["miscStr"] = misc
    with pytest.raises(InvalidPool, match=rf"endpoint.miscStr.*{misc.split()[0]}, of which {next(iter(fields))} says"):
        load_pool(pool)
