"""What is news of an instance, for which its status is written, and what waits for other news."""

from dataclasses import replace

from pool_executor.contract import (
    BOUNDS,
    EndpointsStatus,
    HaproxyInfo,
    InstanceStatus,
    Latency,
    RefusedServer,
    Step,
    StructureStatus,
)
from pool_executor.lbmgr.status.report import News, news_in

SHOWN = InstanceStatus(
    task_id="t",
    pod="edgelb-pool-0",
    hostname="agent1",
    addresses=("10.0.0.1",),
    public=(),
    ports={"web": 80},
    structure=StructureStatus(
        pool_uid="u",
        pool_version=1,
        epoch=1,
        version=1,
        verdict="applied",
        action="reload",
        reason="new",
        error=None,
        rejected_version=None,
    ),
    endpoints=EndpointsStatus(lineage="f00", sequence=7, recent=(Step(7, 1.0, 1.5),)),
    healthy=True,
    trouble=None,
    since=1.0,
    haproxy=HaproxyInfo(version="2.6.12", master=10, workers=(11,)),
    counters={"server_added": 7},
    leaving=False,
    short=None,
    deaths=(),
    latency={"endpoints": Latency(counts=(7,) + (0,) * len(BOUNDS), total=0.1)},
)
#: As after one more server: HAProxy has it, it was counted, and how long it took.
MOVED = replace(
    SHOWN,
    endpoints=replace(SHOWN.endpoints, sequence=8, stamps={"applied": 2.5}, recent=(Step(8, 2.0, 2.5),)),
    counters={"server_added": 8},
    latency={"endpoints": Latency(counts=(8,) + (0,) * len(BOUNDS), total=0.2)},
)


def test_what_is_counted_alone_is_no_news() -> None:
    assert news_in(replace(SHOWN, counters=MOVED.counters, latency=MOVED.latency), SHOWN) is News.NONE


def test_a_server_more_is_a_new_position_only() -> None:
    """With its counters and the time that it took, which change with every server."""
    assert news_in(MOVED, SHOWN) is News.POSITION


def test_everything_else_is_told_soon() -> None:
    """Also what comes together with a server, and a server that HAProxy refuses."""
    refused = (RefusedServer(backend="app", server="s", task="t1", reason="no"),)
    for status in (
        replace(SHOWN, healthy=False),
        replace(MOVED, leaving=True),
        replace(MOVED, endpoints=replace(MOVED.endpoints, refused=refused)),
        replace(MOVED, endpoints=replace(MOVED.endpoints, lineage="ba5e")),
        replace(MOVED, structure=replace(SHOWN.structure, version=2)),
    ):
        assert news_in(status, SHOWN) is News.OTHER
