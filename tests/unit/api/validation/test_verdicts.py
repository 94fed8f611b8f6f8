"""What is remembered of judgements, and of which pools it is true."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from api.validation.judgement import Judgement, as_stored
from api.validation.verdicts import Verdicts, seen, seen_by_haproxy
from scheduler.pools.model import Endpoint, EnvironmentVariable, MapRule, Pool, PoolType, Secret
from tests.support.any_pool import valid_pools
from tests.unit.api.dcos_template.pools import COOKIE_KEY, backend, frontend, pool, service


class Clock:
    """It goes when the test says so."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


RULE = MapRule(backend="app", host_eq="a.test")
WEB = pool("web", frontend("web", "app", RULE), backend("app", service(task_name="a")))
JUDGEMENT = Judgement(haproxy="2.6.12")


def key(one: Pool, template: str = "") -> bytes:
    return seen_by_haproxy(as_stored(one)._replace(template=template))


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 3},
        {"cpus": 2.0, "mem": 5000},
        {"role": "*", "constraints": ""},
        {"secrets": (Secret(secret="a", file="b"),)},
        {"haproxy": pool("web", frontend("web", "app", RULE), backend("app", service(task_name="b"))).haproxy},
    ],
)
def test_what_haproxy_does_not_see_asks_for_no_other_judgement(changes: dict[str, object]) -> None:
    """Instances, resources, and which tasks the servers are."""
    assert key(replace(WEB, **changes)) == key(WEB)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"type": PoolType.DYNAMIC},
        {"ports": (80, 9090)},
        {"environment": (EnvironmentVariable(name="A", value="b"),)},
        {"haproxy": pool("web", frontend("web", "app"), backend("app", service(task_name="a"))).haproxy},
        {
            "haproxy": pool(
                "web",
                frontend("web", "app", RULE),
                backend("app", service(Endpoint(misc_str="inter 1s"), task_name="a")),
            ).haproxy
        },
    ],
)
def test_whatever_haproxy_is_told_does(changes: dict[str, object]) -> None:
    """And so does a template."""
    assert key(replace(WEB, **changes)) != key(WEB)  # type: ignore[arg-type]
    assert key(WEB, "{# #}") != key(WEB)


@given(valid_pools(), st.sampled_from(PoolType), st.integers(2, 9))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_left_of_a_pool_is_told_to_haproxy_as_the_pool_is(one: Pool, kind: PoolType, count: int) -> None:
    """Whatever fields there will be: what they change must not be answered from memory."""
    one = replace(one, type=kind, count=count)
    assert render(build_config(seen(one), COOKIE_KEY)) == render(build_config(one, COOKIE_KEY))


def test_a_judgement_holds_for_a_while() -> None:
    """The HAProxy of the machine may be another one later."""
    clock = Clock()
    verdicts = Verdicts(clock)
    assert verdicts.get(key(WEB)) is None
    verdicts.keep(key(WEB), JUDGEMENT)
    clock.at += 599
    assert verdicts.get(key(WEB)) == JUDGEMENT
    clock.at += 2
    assert verdicts.get(key(WEB)) is None


def test_only_the_last_ones_are_remembered() -> None:
    """However many pools there are."""
    verdicts = Verdicts(Clock())
    keys = [bytes([number // 256, number % 256]) for number in range(1001)]
    for one in keys:
        verdicts.keep(one, JUDGEMENT)
    assert [one for one in keys if verdicts.get(one) is None] == keys[:1]
