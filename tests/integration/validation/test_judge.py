"""Pools judged by real HAProxies, and what becomes of those that cannot be judged."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.validation.judgement import Judge, Judgement, as_stored
from api.validation.trials import Trials
from pool_executor.lbmgr.haproxy.program import CHOICE
from scheduler.pools.model import Backend, CustomCheck, Endpoint, Haproxy, MapRule, Pool, RewriteHttp, Service
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.record import StoredPool
from tests.golden.cases import CASES
from tests.support.haproxies import BOTH
from tests.support.pools import SUPPORTED, example
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service

pytestmark = pytest.mark.integration

Judged = Callable[[StoredPool], Judgement]


@pytest.fixture(scope="module", params=BOTH)
def judged(request: pytest.FixtureRequest) -> Iterator[Judged]:
    """Of one HAProxy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHOICE, request.param)
        trials = Trials()
        yield trials.judge
        trials.stop()


@pytest.mark.slow
def test_haproxy_takes_what_the_documents_say(judged: Judged) -> None:
    """Every example, and every pool whose configuration is kept."""
    pools = [*(load_pool(example(name)) for name in SUPPORTED), *(case.pool for case in CASES.values())]
    for one in pools:
        found = judged(as_stored(one))
        assert (one.name, found.problems, found.unchecked) == (one.name, (), "")
        assert found.haproxy.startswith("2.")


def words(misc: str) -> Service:
    return Service(mesos=service(task_name="app").mesos, endpoint=Endpoint(misc_str=misc))


REFUSED = {
    "pool.haproxy.frontends[1].miscStrs[1]": pool(
        "web", frontend("a"), frontend("b", misc_strs=("option clitcpka", "timeout client soon"))
    ),
    "pool.haproxy.frontends[0].bindModifier": pool("web", frontend("web", bind_modifier="mss 99999")),
    "pool.haproxy.backends[1].balance": pool("web", backend("first"), backend("app", balance="uri bogus")),
    "pool.haproxy.backends[0].services[1].endpoint": pool(
        "web", backend("app", words("weight 3"), words("ssl ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2"))
    ),
}


def test_words_of_haproxy_are_refused_where_they_are_switched_off() -> None:
    """With each field that holds some; HAProxy is not asked."""
    raw = pool(
        "web",
        frontend("web", "app", bind_modifier="tfo", misc_strs=("option clitcpka",)),
        backend("app", misc_strs=("option tcp-smart-connect",)),
    )
    trials = Trials(raw_strings=False)
    try:
        judgement = trials.judge(as_stored(raw)._replace(template='{% extends "haproxy.cfg" %}'))
        assert [problem.path for problem in judgement.problems] == [
            "pool.haproxy.frontends[0].bindModifier",
            "pool.haproxy.frontends[0].miscStrs",
            "pool.haproxy.backends[0].miscStrs",
            "lbtemplate",
        ]
    finally:
        trials.stop()


@pytest.mark.parametrize("path", REFUSED)
def test_what_haproxy_refuses_is_told_with_its_field(judged: Judged, path: str) -> None:
    """Also where the line is a server's, which the structure does not have."""
    found = judged(as_stored(REFUSED[path]))
    assert [problem.path for problem in found.problems] == [path]
    assert found.problems[0].rule.startswith(f"HAProxy {found.haproxy} refuses it: ")


@pytest.mark.parametrize(
    ("path", "one"),
    [
        ("pool.haproxy.backends[0].customCheck.miscStr", backend("app", custom_check=CustomCheck(misc_str="a\nb"))),
        ("pool.haproxy.backends[0].rewriteHttp.host", backend("app", rewrite_http=RewriteHttp(host="a b"))),
    ],
)
def test_what_cannot_be_rendered_is_told_with_its_field(judged: Judged, path: str, one: Any) -> None:
    """The API does not take such pools; older releases may have."""
    assert [problem.path for problem in judged(as_stored(pool("web", one))).problems] == [path]


def test_names_need_not_resolve_here(judged: Judged) -> None:
    """They are resolved by the agents: whoever writes the pool is warned."""
    found = judged(as_stored(pool("web", frontend("web", "app", bind_address="lb.nowhere.test"), backend("app"))))
    assert found.problems == ()


def test_a_field_is_found_by_the_line_that_an_instance_was_told() -> None:
    """Of what is published, where no servers stand."""
    one = as_stored(
        pool("web", frontend("web", "app", MapRule(backend="app", path_beg="/a")), backend("app", balance="uri x"))
    )
    trials = Trials()
    try:
        assert trials.field(one, "parsing [25-frontend-web.cfg:2] : no") == "pool.haproxy.frontends[0].bindAddress"
        assert trials.field(one, "parsing [20-stats.cfg:3] : no; and more") == "pool.haproxy.stats.bindAddress"
        assert trials.field(one, "nothing that is known") is None
    finally:
        trials.stop()


def test_without_a_haproxy_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a pool is found where it is served."""
    monkeypatch.setenv(CHOICE, "/nowhere/haproxy")
    trials = Trials()
    try:
        found = trials.judge(as_stored(REFUSED["pool.haproxy.backends[1].balance"]))
    finally:
        trials.stop()
    assert found == Judgement(unchecked=f"there is no /nowhere/haproxy on this machine; {CHOICE} says where one is")


HANGS = """
from api.validation import judge
usual = judge.judge
def judged(asked, *more):
    while asked.pool.name == "circles":
        pass
    return usual(asked, *more)
judge.judge = judged
judge.main()
"""


def test_a_pool_that_takes_too_long_costs_the_next_one_nothing() -> None:
    """The process is ended."""
    trials = Trials((sys.executable, "-c", HANGS), answer=5.0)
    try:
        assert trials.judge(as_stored(Pool(name="circles"))).unchecked == "there is no answer within 5 s"
        assert trials.judge(as_stored(Pool(name="web"))).haproxy
    finally:
        trials.stop()


def test_a_large_pool_has_longer() -> None:
    """What is worked on for long is not begun anew each time; and there is an end to it."""
    deadlines: list[tuple[float, float]] = []

    def noted(question: object, deadline: float) -> Judgement:
        assert isinstance(question, Judge)
        deadlines.append((question.seconds, deadline))
        return Judgement(haproxy="2.6.0")

    trials = Trials()
    trials._processes.ask = noted  # type: ignore[method-assign]
    for backends in (0, 1_000, 30_000):
        haproxy = Haproxy(backends=tuple(Backend(name=f"b{number}") for number in range(backends)))
        assert trials.judge(as_stored(Pool(name="web", haproxy=haproxy))).haproxy
    assert deadlines == [(10.0, 20.0), (12.0, 22.0), (50.0, 60.0)]


def test_a_pool_that_takes_too_long_is_looked_into_once() -> None:
    """Whoever asks how it is would wait each time, and keep others from being judged."""
    looks = HANGS.replace("judge.judge", "judge.locate").replace("asked.pool.name", "asked.pool.pool.name")
    trials = Trials((sys.executable, "-c", looks), answer=3.0)
    asked: list[object] = []
    ask = trials._processes.ask

    def counted(question: object, deadline: float) -> object:
        asked.append(question)
        return ask(question, deadline)

    trials._processes.ask = counted  # type: ignore[method-assign]
    try:
        for _ in range(3):
            assert trials.field(as_stored(Pool(name="circles")), "parsing [20-stats.cfg:3] : no") is None
        assert len(asked) == 1
    finally:
        trials.stop()


def test_haproxy_is_asked_once_about_what_it_is_told() -> None:
    """A pool that is rehearsed and then stored, and one of which only something else changes, wait once."""
    trials = Trials()
    asked: list[object] = []
    ask = trials._processes.ask

    def counted(question: object, deadline: float) -> object:
        asked.append(question)
        return ask(question, deadline)

    trials._processes.ask = counted  # type: ignore[method-assign]
    try:
        for pool_ in (Pool(name="web"), Pool(name="web", count=7)):
            assert trials.judge(as_stored(pool_), "ann").haproxy
        refused = as_stored(REFUSED["pool.haproxy.backends[1].balance"])
        assert trials.judge(refused).problems == trials.judge(refused).problems != ()
        assert len(asked) == 2
    finally:
        trials.stop()


def test_a_haproxy_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells its version and nothing else."""
    program = tmp_path / "haproxy"
    features = "HAProxy version 2.6.0\nFeature list : +OPENSSL +THREAD\nAvailable services : prometheus-exporter"
    program.write_text(f"#!/bin/sh\n[ $1 = -vv ] && echo '{features}' && exit\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv(CHOICE, str(program))
    trials = Trials(haproxy=0.5)
    try:
        assert trials.judge(as_stored(Pool(name="web"))).unchecked == "it took longer than 0.5 s"
    finally:
        trials.stop()
