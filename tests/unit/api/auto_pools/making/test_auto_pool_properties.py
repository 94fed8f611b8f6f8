"""Facts about generated pools that hold whatever applications say, and in whatever order they come and go."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from api.auto_pools.app import app_of
from api.auto_pools.claim import Claim
from api.auto_pools.claims.demand import conditions_of, demands_of, digest_of, said_by, servers_of
from api.auto_pools.claims.ledger import Ledger, decode_entries, encode_entries
from api.auto_pools.labels import read_exposure
from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from api.mesos_listener.task import Labels, Task, TaskKey
from scheduler.pools.checks import pool_problems
from scheduler.pools.model import Pool, PoolType, Protocol
from scheduler.pools.schema import dump_pool, load_pool
from scheduler.pools.stored.sparse import written
from tests.unit.api.auto_pools.exposed import Cluster, auto_pool, exposed
from tests.unit.api.auto_pools.labels.test_hostile import labels as hostile_labels
from tests.unit.api.dcos_template.pools import COOKIE_KEY

GROUPS, HOSTS, PATHS = ("a", "b", "c"), ("x.test", "y.test", "*.test"), ("", "/p", "/p/q")


@st.composite
def said(draw: st.DrawFn) -> dict[str, str]:
    """Labels of somebody who means well; few hosts, ports and groups, so that many meet."""
    labels: dict[str, str] = {}
    for group in draw(st.sets(st.sampled_from(GROUPS), min_size=1, max_size=2)):
        kind = draw(st.sampled_from(["http", "http", "https", "tcp"]))
        if kind == "tcp":
            labels |= {
                f"{group}.frontend.protocol": "TCP",
                f"{group}.frontend.port": draw(st.sampled_from(["25", "80"])),
            }
        else:
            rules = draw(st.lists(st.tuples(st.sampled_from(HOSTS), st.sampled_from(PATHS)), min_size=1, max_size=2))
            labels[f"{group}.frontend.rules"] = ",".join(
                f"hostEq:{host}" + (f"|pathBeg:{path}" if path else "") for host, path in rules
            )
        if kind == "https":
            labels[f"{group}.frontend.certificates"] = draw(st.sampled_from(["$AUTOCERT", "one", "two,one"]))
        if draw(st.booleans()):
            labels[f"{group}.backend.balance"] = draw(st.sampled_from(["source", "leastconn"]))
        if draw(st.integers(0, 4)) == 0:
            labels[f"{group}.backend.percent"] = draw(st.sampled_from(["0", "10", "90"]))
    return labels


tasks = st.builds(
    lambda app, number, labels, started: exposed(f"/app{app}", labels, number=number, started=float(started)),
    *(st.integers(0, 4), st.integers(0, 9), said(), st.integers(0, 3)),
)
many = st.lists(tasks, max_size=9, unique_by=lambda task: task.id)


def as_bytes(pool: Pool | None) -> str:
    """All that is stored of a pool."""
    return json.dumps(None if pool is None else written(pool), sort_keys=True)


# The reference: all claims, the oldest first, each against all that were there before; nothing is kept in between.


def reference(cluster: Iterable[Task], now: float) -> dict[str, Any]:
    """What is in the pool, in no order."""
    since: dict[Any, float] = {}
    sets: dict[Any, float] = {}
    for task in cluster:
        started = task.started or now
        app = app_of(task)
        since[app] = min(since.get(app, started), started)
        sets[app, task.labels] = min(sets.get((app, task.labels), started), started)
    claims = [
        (since[app], app, started, claim) for (app, labels), started in sets.items() for claim in claims_of(labels)
    ]
    # Who has the same claim twice has it once; the rest of the order is told by what a claim says.
    claims.sort(
        key=lambda one: (*one[:3], one[3].group, one[3].port, digest_of(said_by(demands_of(one[1], one[3]), "*")))
    )
    held: list[tuple[Any, Claim]] = []
    for _, app, _, claim in claims:
        if (app, claim) not in held and all(agree(app, claim, *other) for other in held):
            held.append((app, claim))
    return summary(held)


def claims_of(labels: Labels) -> tuple[Claim, ...]:
    """What they say."""
    exposure = read_exposure(labels)
    return exposure.claims if exposure else ()


def agree(app: Any, claim: Claim, other_app: Any, other: Claim) -> bool:
    """Whether two claims can be in one pool."""
    if claim.port == other.port:
        rules = {one: other.group for rule in other.rules for one in conditions_of(rule)}
        if any(rules.get(one, claim.group) != claim.group for rule in claim.rules for one in conditions_of(rule)):
            return False
        if protocol(claim.frontend) != protocol(other.frontend):
            return False
        if not claim.rules and claim.group != other.group:
            return False
    if claim.group != other.group:
        return True
    mine, others = dict(claim.backend), dict(other.backend)
    if any(mine[name].value != others[name].value for name in mine.keys() & others.keys()):
        return False
    if protocol(claim.backend) != protocol(other.backend) or (claim.percent is None) != (other.percent is None):
        return False
    return servers_of(app, claim) != servers_of(other_app, other) or claim.percent == other.percent


def protocol(options: Any) -> object:
    return dict(options)["protocol"].value if "protocol" in dict(options) else Protocol.HTTP


def summary(held: Sequence[tuple[Any, Claim]]) -> dict[str, Any]:
    return {
        "rules": {(one.port, rule, one.group) for _, one in held for each in one.rules for rule in conditions_of(each)},
        "defaults": {(one.port, one.group) for _, one in held if not one.rules},
        "services": {(one.group, str(app.name)) for app, one in held},
        "balance": {one.group: dict(one.backend)["balance"].value for _, one in held if "balance" in dict(one.backend)},
    }


def summary_of(pool: Pool | None) -> dict[str, Any]:
    """The same of a pool."""
    frontends = pool.haproxy.frontends if pool else ()
    backends = pool.haproxy.backends if pool else ()
    return {
        "rules": {
            (one.bind_port, conditions, rule.backend)
            for one in frontends
            for rule in one.link_backend.map
            for conditions in conditions_of(rule)
        },
        "defaults": {
            (one.bind_port, one.link_backend.default_backend) for one in frontends if one.link_backend.default_backend
        },
        "services": {(one.name, service.marathon.service_id) for one in backends for service in one.services},
        "balance": {one.name: one.balance for one in backends if one.balance != "roundrobin"},
    }


@settings(max_examples=120)
@given(many)
def test_the_pool_is_that_of_the_reference(cluster: list[Task]) -> None:
    """Built at once, from nothing."""
    pool = Cluster().start(*cluster)
    assert summary_of(pool) == reference(cluster, 1010.0)


@given(many, st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_order_of_events_does_not_matter(cluster: list[Task], random: Any, steps: int) -> None:
    """Neither does in how many steps they come, nor what came and went in between."""
    first = auto_pool()
    first.update(cluster, (), 50.0)
    shuffled = random.sample(cluster, len(cluster))
    second = auto_pool()
    for step in range(steps):
        second.update([exposed("/passing", number=step)], (), 50.0)
        second.update(shuffled[step::steps], (), 50.0)
        second.update((), [exposed("/passing", number=step).key], 50.0)
    assert as_bytes(first.pool()) == as_bytes(second.pool())
    assert encode_entries(first.ledger.items()) == encode_entries(second.ledger.items())


class Life:
    """Tasks that come and go, with all that has to hold after each step."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.alive: dict[TaskKey, Task] = {}

    def step(self, kind: str, task: Task) -> None:
        """One of them comes or goes, or nothing does for a while."""
        before = dict(self.cluster.auto.ledger.items())
        if kind == "start":
            # A task keeps its labels as long as it lives.
            task = self.alive.setdefault(task.key, task)
            pool = self.cluster.start(task)
        elif kind == "stop":
            self.alive.pop(task.key, None)
            pool = self.cluster.stop(task)
        else:
            pool = self.cluster.wait()
        assert pool is None or not list(pool_problems(pool))
        assert self.cluster.auto.statuses().keys() == self.alive.keys()
        now = dict(self.cluster.auto.ledger.items())
        for app in {app_of(one) for one in self.alive.values()} - {app_of(task), None}:
            assert before[app].held.items() <= now[app].held.items()
        if not self.cluster.auto.due:
            self.check_successor(pool)

    def check_successor(self, pool: Pool | None) -> None:
        """It hears of the tasks in another order."""
        ledger = Ledger.of(decode_entries(encode_entries(self.cluster.auto.ledger.items())))
        successor = auto_pool(ledger=ledger)
        successor.update(reversed(list(self.alive.values())), (), self.cluster.now + 5)
        assert as_bytes(successor.pool()) == as_bytes(pool)
        assert successor.ledger == ledger


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["start", "start", "stop", "wait"]), tasks), max_size=12))
def test_nobody_loses_what_he_has_and_a_successor_goes_on(steps: list[tuple[str, Task]]) -> None:
    """After each step the pool is sound, no other application lost anything, and a new process makes the same bytes."""
    life = Life()
    for kind, task in steps:
        life.step(kind, task)


@st.composite
def hostile(draw: st.DrawFn) -> Task:
    """Somebody who means nobody well, in groups of his own."""
    own = {name.replace("edgelb.", "edgelb.evil-", 1): text for name, text in draw(hostile_labels)}
    words = {name: text for name, text in draw(hostile_labels) if name.count(".") == 1}
    task = exposed("/evil", started=draw(st.sampled_from([0.0, 1.0, 1e12])))
    labels = {**own, **words, "edgelb.expose": "true"}
    return msgspec.structs.replace(task, labels=tuple(sorted(labels.items())))


@settings(max_examples=80)
@given(many, hostile())
def test_a_hostile_newcomer_changes_nothing_of_others(cluster: list[Task], evil: Task) -> None:
    """Whatever he says, backends of others are the same, their rules in their order, and the options of their ports."""
    life = Cluster()
    before = life.start(*cluster)
    after = life.start(evil)
    if after is not None:
        assert load_pool(dump_pool(after)) == after
        assert render(build_config(replace(after, type=PoolType.DYNAMIC), COOKIE_KEY))
    if before is not None:
        assert after is not None
        others = {one.name: one for one in after.haproxy.backends}
        assert all(others[one.name] == one for one in before.haproxy.backends)
        ports = {one.bind_port: one for one in after.haproxy.frontends}
        for one in before.haproxy.frontends:
            same = ports[one.bind_port]
            assert [rule for rule in same.link_backend.map if rule.backend in GROUPS] == list(one.link_backend.map)
            assert same.certificates[: len(one.certificates)] == one.certificates
            link = replace(same.link_backend, map=one.link_backend.map)
            assert replace(same, certificates=one.certificates, redirects=one.redirects, link_backend=link) == one
    life.stop(evil)
    assert as_bytes(life.wait()) == as_bytes(before)


@settings(deadline=None)
@given(many)
def test_no_certificate_is_shown_for_a_host_of_somebody_else(tasks: list[Task]) -> None:
    """But those of who keeps the port: of all others each host is one of an application that brings the certificate."""
    cluster = Cluster()
    for task in tasks:
        pool = cluster.start(task)
    for frontend in pool.haproxy.frontends if tasks and pool is not None else ():
        held: dict[str, set[str]] = {}
        brought: dict[str, set[str]] = {}
        for task in tasks:
            exposure = read_exposure(task.labels)
            for claim in exposure.claims if exposure is not None else ():
                if claim.port == frontend.bind_port:
                    held.setdefault(task.marathon_id, set()).update(host for rule in claim.rules for host in rule.hosts)
                    option = dict(claim.frontend).get("certificates")
                    for file in option.value if option is not None and isinstance(option.value, tuple) else ():
                        brought.setdefault(file, set()).add(task.marathon_id)
        for one in frontend.certificate_hosts:
            own = set[str]().union(*(held[app] for app in brought[one.certificate]))
            assert {host for host in one.hosts if host[0] != "!"} <= own
            routed = {host for rule in frontend.link_backend.map for host in rule.hosts}
            if "*.test" in one.hosts:
                assert {f"!{host}" for host in routed - own if host[0] != "*"} <= set(one.hosts)
