"""What the state of a pool follows from."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from api.dcos_template.publishing.problem import Held, Problem
from api.observed.rendered import Lag, Rendered
from api.status.backends import backend_rows
from api.status.doubts import Doubt
from api.status.joined import pool_status
from api.status.verdict import Facts, SchedulerSide
from pool_executor.contract import (
    BackendHealth,
    CertificateStatus,
    Death,
    Endpoints,
    EndpointsStatus,
    HaproxyInfo,
    InstanceStatus,
    Part,
    RefusedServer,
    Structure,
    StructureStatus,
    Waiting,
)
from scheduler.pools.model import MapRule, Pool, Revision
from scheduler.pools.stored.record import StoredPool
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service

POOL = pool(
    "web",
    frontend("in", "app", MapRule(backend="api", path_beg="/api")),
    backend("app", service(task_name="a")),
    backend("api", service(task_name="b")),
    backend("spare"),
)
INSTANCE = InstanceStatus(
    task_id="t0",
    pod="edgelb-pool-0",
    hostname="agent1",
    addresses=(),
    public=(),
    ports={},
    structure=StructureStatus(
        pool_uid="u1",
        pool_version=1,
        epoch=1,
        version=3,
        verdict="applied",
        action="dynamic",
        reason="",
        error=None,
        rejected_version=None,
    ),
    endpoints=EndpointsStatus(lineage="f00", sequence=9),
    healthy=True,
    trouble=None,
    since=0.0,
    haproxy=HaproxyInfo(version="2.6", master=1, workers=(2,)),
    counters={},
    leaving=False,
    short=(),
    deaths=(),
)
TASK = {"id": "t0", "name": "edgelb-pool-0-server", "state": "TASK_RUNNING", "message": "serving version 3"}
POD = {"name": "edgelb-pool-0", "index": 0, "status": "RUNNING", "tasks": [TASK], "pending": None}
SIDE = SchedulerSide(pool_version=1, pool_uid="u1", plans=({"name": "deploy", "status": "COMPLETE"},), pods=(POD,))
FACTS = Facts(lags={}, fields={}, problem=None, doubts=(), now=1000.0)
HEAD = Structure(
    pool="web",
    epoch=1,
    version=3,
    pool_version=1,
    pool_uid="u1",
    parts={"20-in.cfg": Part.of("20-in.cfg", "config", "", "in")},
)
ENDPOINTS = Endpoints(pool="web", lineage="f00", epoch=1, sequence=9, base=9, shards=None)
SERVERS = {"app": 2, "api": 1}


def status(
    *,
    instance: InstanceStatus | None = INSTANCE,
    head: Structure | None = HEAD,
    servers: Mapping[str, int] | None = SERVERS,
    side: SchedulerSide = SIDE,
    **facts: Any,
) -> dict[str, Any]:
    """The status of POOL with one load balancer."""
    instances = [instance] if instance else []
    rendered = Rendered(structure=head, endpoints=None if servers is None else ENDPOINTS, servers=servers)
    return pool_status(StoredPool(POOL, Revision("u1", 1)), rendered, instances, side, replace(FACTS, **facts))


def serving(**changes: Any) -> InstanceStatus:
    """INSTANCE with another structure."""
    return replace(INSTANCE, structure=replace(INSTANCE.structure, **changes))


def test_a_pool_is_ready_when_traffic_can_flow() -> None:
    """Also when a backend that no frontend uses has no servers."""
    found = status()
    assert (found["state"], found["reasons"]) == ("ready", [])
    assert [(one["name"], one["frontends"], one["servers"], one["up"]) for one in found["backends"]] == [
        ("app", ["in"], 2, 2),
        ("api", ["in"], 1, 1),
        ("spare", [], 0, 0),
    ]


def with_certificate(*, not_after: float, trouble: str | None = None) -> InstanceStatus:
    """INSTANCE that serves a certificate."""
    certificate = CertificateStatus(
        file="$SECRETS/web.pem", subject="web", names=("web",), not_after=not_after, trouble=trouble
    )
    return replace(INSTANCE, certificates=(certificate,))


def refusing(*refused: RefusedServer, error: str | None = None) -> InstanceStatus:
    """INSTANCE without these servers."""
    endpoints = replace(INSTANCE.endpoints, refused=refused, left_out=len(refused), error=error)
    return replace(INSTANCE, endpoints=endpoints)


HELD = Held(since=1.0, reason="90 of 100 tasks went at once")
NO_TASK = Problem(revision=Revision("u1", 1), backends=({"backend": "api", "reason": "no task is called b"},))
SHORT = BackendHealth(name="api", servers=1, up=0, reason="Connection refused")
DOUBT = Doubt(component="listener", reason="the mesos-listener at h:1 hangs")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {
                "servers": {"app": 2},
                "problem": NO_TASK,
            },
            "backend api has no servers: no task is called b",
        ),
        ({"servers": {"app": 2}}, "backend api has no servers: no servers were found for it"),
        (
            {"instance": replace(INSTANCE, short=(SHORT,))},
            "backend api has no servers: edgelb-pool-0 cannot use its server: Connection refused",
        ),
        ({"doubts": (DOUBT,)}, "changes of tasks do not reach the load balancers: the mesos-listener at h:1 hangs"),
        (
            {
                "problem": Problem(
                    revision=Revision("u1", 1), held=Held(since=1.0, reason="90 of 100 tasks went at once")
                )
            },
            "its last servers are kept: 90 of 100 tasks went at once",
        ),
        ({"problem": Problem(revision=Revision("u1", 1), failing="the template fails")}, "the template fails"),
        (
            {"instance": replace(INSTANCE, deaths=(Death(at=999.0, how="exited with status 1"),) * 3)},
            "HAProxy of edgelb-pool-0 dies again and again: exited with status 1 at 1970-01-01 00:16:39 UTC, "
            "3 times so far",
        ),
        (
            {"lags": {"t0": Lag(5, 12.3)}},
            "edgelb-pool-0 has not taken up 5 changes of servers that were published 12 s ago",
        ),
        (
            {"lags": {"t0": Lag(None, 12.3)}},
            "edgelb-pool-0 has not taken up all servers that were published 12 s ago",
        ),
        (
            {"instance": serving(waiting=(Waiting(listener="in", missing=("the port in", "the port x")),))},
            "edgelb-pool-0 leaves the listener in (pool.haproxy.frontends[0]) out until it has the port in and the port"
            " x",
        ),
        (
            {"instance": refusing(RefusedServer(backend="api", server="s1", task="b.1", reason="HAProxy says no"))},
            "edgelb-pool-0 has no server s1 of task b.1 in backend api (pool.haproxy.backends[1]): HAProxy says no",
        ),
        (
            {"instance": refusing(error="operations 5 to 7 are missing")},
            "edgelb-pool-0 cannot take up changes of servers: operations 5 to 7 are missing",
        ),
        ({"instance": replace(INSTANCE, trouble="the disk is full")}, "edgelb-pool-0: the disk is full"),
        (
            {"instance": with_certificate(not_after=2e9, trouble="a newer one is refused: it is empty")},
            "edgelb-pool-0 has no good $SECRETS/web.pem: a newer one is refused: it is empty",
        ),
        (
            {"instance": with_certificate(not_after=999.0)},
            "edgelb-pool-0: the certificate $SECRETS/web.pem has expired",
        ),
    ],
)
def test_a_pool_through_which_traffic_cannot_flow_is_degraded(changes: dict[str, Any], reason: str) -> None:
    """All instances have the current configuration, and that is not enough."""
    found = status(**changes)
    assert found["state"] == "degraded"
    assert found["reasons"] == [reason]
    whole = "0 of 1 instances serve all of the" if "leaves the listener" in reason else "1 of 1 instances serve the"
    assert found["summary"] == f"{whole} current configuration; {reason}"


def test_a_certificate_that_ends_soon_is_told_and_no_fault() -> None:
    """Somebody has a month to bring another one."""
    found = status(instance=with_certificate(not_after=1000.0 + 20.5 * 86400))
    [row] = found["loadBalancers"]
    assert (found["state"], found["reasons"]) == ("ready", [])
    assert row["certificates"][0]["warning"] == "the certificate $SECRETS/web.pem expires in 20 days"
    [row] = status(instance=with_certificate(not_after=1000.0 + 31 * 86400))["loadBalancers"]
    assert row["certificates"][0]["warning"] is None


def test_a_listener_that_is_left_out_is_told_while_the_instance_waits_for_its_replacement() -> None:
    """The plan says when it comes, the instance what is lacking until then."""
    waiting = serving(waiting=(Waiting(listener="in", missing=("the port in",)),))
    pending = {"status": "PENDING", "summary": "waits for its turn"}
    found = status(instance=waiting, side=replace(SIDE, pods=({**POD, "pending": pending},)))
    [row] = found["loadBalancers"]
    assert row["note"] == "leaves the listener in (pool.haproxy.frontends[0]) out until it has the port in"


def test_a_lag_of_a_moment_is_shown_and_no_fault() -> None:
    """Under steady change every instance lacks a few operations."""
    found = status(lags={"t0": Lag(5, 0.25)})
    assert found["state"] == "ready"
    assert found["loadBalancers"][0]["endpoints"]["lag"] == {"operations": 5, "seconds": 0.25}


@pytest.mark.parametrize(
    ("error", "field"),
    [
        ("config : proxy 'api': no server has the name x.", " (pool.haproxy.backends[1])"),
        ("Starting frontend in: cannot bind socket", " (pool.haproxy.frontends[0])"),
        ("parsing [/x/20-in.cfg:4] : unknown keyword", " (pool.haproxy.frontends[0])"),
        ("parsing [/x/10-global.cfg:4] : unknown keyword", ""),
    ],
)
def test_a_refusal_is_told_with_the_field_that_it_is_about(error: str, field: str) -> None:
    """HAProxy names its proxies and files; the operator knows fields."""
    found = status(instance=serving(version=2, verdict="rejected", rejected_version=3, error=error))
    assert found["state"] == "rejected"
    assert found["reasons"] == [f"{error}{field}"]


def test_a_structure_without_servers_is_not_ready() -> None:
    """They are published apart."""
    found = status(servers=None)
    assert (found["state"], found["summary"]) == ("deploying", "the servers of the pool have not been published yet")


def test_what_the_template_refuses_is_rejected_with_its_reason() -> None:
    """It looked like a slow deployment, for ever; a refusal of an older version says nothing."""
    problem = Problem(revision=Revision("u1", 1), structure="backend x: exists twice")
    found = status(head=replace(HEAD, pool_version=7), problem=problem)
    assert found["state"] == "rejected"
    assert found["summary"] == "version 1 of the pool cannot be rendered: backend x: exists twice"
    for other in (Revision("u1", 7), Revision("u0", 1)):
        found = status(head=replace(HEAD, pool_version=7), problem=replace(problem, revision=other))
        assert found["state"] == "deploying"


def test_a_pool_that_was_created_again_is_not_ready_before_it_is_rendered() -> None:
    """What is published is of the pool before, whatever the numbers of versions say."""
    assert status(head=replace(HEAD, pool_uid="u0"))["state"] == "deploying"
    assert status(side=replace(SIDE, pool_uid="u0"))["state"] == "deploying"


def test_a_pool_that_is_not_rendered_says_who_does_not_do_it() -> None:
    """The template may be away."""
    found = status(head=None, servers=None, doubts=(Doubt(component="template", reason="no template is in charge"),))
    assert found["state"] == "deploying"
    assert found["summary"] == "version 1 of the pool has not been rendered yet: no template is in charge"
    assert {one["up"] for one in found["backends"]} == {None}


def test_an_instance_that_does_not_report_is_told_as_such() -> None:
    """Its task runs, so Mesos sees nothing wrong; the last message of its executor says nothing about now."""
    found = status(instance=None)
    assert found["state"] == "deploying"
    assert "edgelb-pool-0 runs, but does not report: its executor starts, hangs" in found["summary"]
    blind = status(instance=None, side=replace(SIDE, waits="Mesos removed the framework"))
    assert blind["summary"].startswith("0 of 1 instances serve the current configuration; Mesos removed the framework")
    assert blind["scheduler"]["waits"] == "Mesos removed the framework"
    [note] = {row["note"] for row in blind["loadBalancers"] if row["name"] == "edgelb-pool-0"}
    assert note == "does not report, and the scheduler does not hear from Mesos whether it still runs"
    behind = status(instance=serving(version=2))
    assert "edgelb-pool-0 serves configuration 2 and has not taken up the newest one yet" in behind["summary"]


def test_the_worst_instance_counts_for_a_backend() -> None:
    """Each instance has its own traffic; one that leaves or does not serve yet is not asked."""
    other = replace(INSTANCE, pod="edgelb-pool-1", short=(BackendHealth(name="app", servers=2, up=1, reason=None),))
    gone = replace(INSTANCE, leaving=True, short=(SHORT,))
    silent = replace(INSTANCE, short=None)
    small: Pool = pool("web", frontend("in", "app"), backend("app", service(task_name="a")))
    assert [one["up"] for one in backend_rows(small, {"app": 2}, [INSTANCE, other, gone], [])] == [1]
    assert [one["up"] for one in backend_rows(small, {"app": 2}, [silent], [])] == [None]
    assert [one["up"] for one in backend_rows(small, {"app": 2}, [silent, INSTANCE], [])] == [2]
