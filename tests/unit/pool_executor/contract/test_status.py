"""The status of an instance as JSON."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pool_executor.contract import (
    BOUNDS,
    BackendHealth,
    Death,
    EndpointsStatus,
    HaproxyInfo,
    InstanceStatus,
    Latency,
    RefusedServer,
    Step,
    StructureStatus,
    Waiting,
    decode_status,
    encode_status,
)
from sdk.errors import CorruptRecord

STATUS = InstanceStatus(
    task_id="t",
    pod="edgelb-pool-0",
    hostname="agent1",
    addresses=("10.0.0.1",),
    public=(),
    ports={"web": 80},
    structure=StructureStatus(
        pool_uid="u",
        pool_version=4,
        epoch=3,
        version=17,
        verdict="rejected",
        action="reject",
        reason="refused",
        error="unknown keyword",
        rejected_version=18,
        waiting=(Waiting(listener="api", missing=("the port api",)),),
        stamps={"published": 1.5, "applied": 1.75},
    ),
    endpoints=EndpointsStatus(
        lineage="f00",
        sequence=812,
        refused=(RefusedServer(backend="app", server="s", task="t1", reason="no"),),
        left_out=1,
        error=None,
        stamps={"event": 1.0},
        recent=(Step(811, 1.25, 1.5), Step(812, 2.0, 2.5)),
    ),
    healthy=True,
    trouble=None,
    since=1.0,
    haproxy=HaproxyInfo(version="2.6.12", master=10, workers=(11, 12)),
    counters={"noop": 0, "dynamic": 3},
    leaving=False,
    short=(BackendHealth(name="app", servers=2, up=0, reason="Connection refused"),),
    deaths=(Death(at=1.0, how="was ended by SIGKILL"),),
    latency={"endpoints": Latency(counts=tuple(range(len(BOUNDS) + 1)), total=2.25)},
)


def test_a_status_is_read_back() -> None:
    """All of it, and one of an instance that has only just begun."""
    assert decode_status(encode_status(STATUS)) == STATUS
    begun = replace(STATUS, short=None, deaths=(), latency={}, endpoints=EndpointsStatus(lineage="", sequence=0))
    assert decode_status(encode_status(begun)) == begun


@pytest.mark.parametrize(
    ("place", "value", "path"),
    [
        (("endpoints", "recent"), [[1, 2.0, 3.0], [2, "x", 3.0]], "endpoints.recent[1]"),
        (("endpoints", "recent"), [7], "endpoints.recent[0]"),
        (("latency",), {"endpoints": {"counts": [1, 2], "total": 0.0}}, "latency.endpoints.counts"),
        (("latency",), [], "latency"),
        (("structure", "verdict"), "fine", "structure.verdict"),
        (("haproxy", "workers"), [0], "haproxy.workers"),
    ],
)
def test_what_is_no_status_is_refused_with_its_place(place: tuple[str, ...], value: object, path: str) -> None:
    """Whoever wrote it."""
    document: Any = json.loads(encode_status(STATUS))
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    with pytest.raises(CorruptRecord) as refused:
        decode_status(json.dumps(document).encode())
    assert refused.value.path == path
