"""What each condition of a rule means, and why one does not hold."""

import pytest

from scheduler.pools.model import Asked, MapRule
from scheduler.pools.routing import Target, first_match, mismatch

REQUEST = Target.of(
    "Shop.Example.COM.:8080",
    "/static/It's.png?size=2",
    [("X-Canary", " always "), ("Cookie", "a=1; v=2, w"), ("x-canary", "Never"), ("cookie", 'v="3;4"; =5; v')],
)


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ({"host_eq": "shop.example.com"}, None),
        ({"host_eq": "shop.example.com:8080"}, None),
        ({"host_eq": "*.example.com"}, None),
        ({"host_eq": "*.com"}, None),
        ({"hosts_eq": ("a.test", "*.example.com")}, None),
        ({"host_reg": r"^Shop\..*:8080$"}, None),
        ({"path_beg": "/static"}, None),
        ({"path_end": ".png", "path_reg": "(?i)it's", "host_reg": "shop"}, None),
        ({"host_eq": "shop.example.com:80"}, "the host shop.example.com:8080 is not shop.example.com:80"),
        ({"host_eq": "*.shop.example.com"}, "is not *.shop.example.com"),
        ({"hosts_eq": ("a", "b", "c", "d")}, "is not one of a, b, c ..."),
        ({"host_reg": "com$"}, "hostReg com$ is not found in the host shop.example.com:8080"),
        ({"path_beg": "/Static"}, "the path /static/It's.png does not begin with /Static"),
        ({"path_beg": "/static", "path_end": "2"}, "does not end with 2"),
        ({"path_reg": "^it"}, "pathReg ^it is not found in the path"),
        ({"headers": (Asked(name="x-CANARY"), Asked(name="X-Canary", value_eq="always"))}, None),
        ({"headers": (Asked(name="X-Canary", value_reg="^N"),), "path_beg": "/static"}, None),
        ({"cookies": (Asked(name="v", value_eq="2"), Asked(name="v", value_reg='^"3;'), Asked(name="a"))}, None),
        ({"headers": (Asked(name="Accept"),)}, "the request has no header Accept"),
        ({"headers": (Asked(name="X-Canary", value_eq="never"),)}, "the header X-Canary is not never"),
        ({"headers": (Asked(name="X-Canary", value_reg="^w"),)}, "valueReg ^w is not found in the header X-Canary"),
        ({"cookies": (Asked(name="V"),)}, "the request has no cookie V"),
        ({"cookies": (Asked(name="w"),)}, "the request has no cookie w"),
        ({"cookies": (Asked(name="v", value_eq="3"),)}, "the cookie v is not 3"),
    ],
)
def test_a_rule_matches_when_all_its_conditions_hold(conditions: dict[str, object], why: str | None) -> None:
    """Hosts without case and final dot, with or without port; paths without the query, with case."""
    told = mismatch(MapRule(backend="b", **conditions), REQUEST)  # type: ignore[arg-type]
    assert told is None if why is None else why in (told or "")


def test_a_request_without_a_host_or_a_path_meets_no_condition_on_it() -> None:
    """Probes of HTTP/1.0, and `OPTIONS *`."""
    without = Target.of("", "*")
    for rule in (
        MapRule(backend="b", host_eq="a"),
        MapRule(backend="b", host_reg=".*"),
        MapRule(backend="b", path_beg="/"),
        MapRule(backend="b", path_end="*"),
        MapRule(backend="b", path_reg=".*"),
    ):
        assert mismatch(rule, without) is not None


def test_the_first_rule_that_matches_decides() -> None:
    """Not the one that says most."""
    rules = [MapRule(backend="one", host_eq="*.example.com"), MapRule(backend="two", host_eq="shop.example.com")]
    assert first_match(rules, REQUEST) is rules[0]
    assert first_match(rules[1:], Target.of("other.test", "/")) is None
