"""Checks that are not a connect, on a real HAProxy."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.pools.model import CustomCheck, Protocol
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

REQUEST = r"GET /health?x=1 HTTP/1.1\r\nHost:\ a.test\r\nX-Who: me 100%"
CHECKS = {
    "good": CustomCheck(httpchk=True, httpchk_misc_str=REQUEST),
    "other-host": CustomCheck(httpchk=True, httpchk_misc_str=REQUEST.replace("a.test", "b.test")),
    "usual": CustomCheck(httpchk=True),
    "expected": CustomCheck(httpchk=True, misc_str="http-check expect status 418"),
    "hello": CustomCheck(ssl_hello_chk=True),
    "redis": CustomCheck(misc_str="option redis-check"),
    "connect": CustomCheck(),
}
#: A server that is well when it is asked as the backend `good` asks.
WELL = "{ pathq /health?x=1 } { method GET } { req.hdr(host) a.test } { req.hdr(x-who) 'me 100%' }"


@pytest.fixture(params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Haproxy]:
    shape = pool(
        "web",
        frontend("web", "good"),
        *(backend(name, custom_check=check) for name, check in CHECKS.items()),
        backend("tcp", protocol=Protocol.TCP, custom_check=CHECKS["good"]),
    )
    answer = f"status 200 if {WELL}\n    http-request return status 418"
    balancer = Haproxy(tmp_path, shape, answer=answer, binary=request.param)
    yield balancer
    balancer.stop()


def test_servers_are_up_when_they_answer_as_the_check_wants(haproxy: Haproxy) -> None:
    """Each backend by its own check; a connect would find all of them up."""

    def states() -> dict[str, tuple[str, str]]:
        rows = csv.DictReader(haproxy.get("stats", "/haproxy?stats;csv")[1].splitlines())
        return {row["# pxname"]: (row["status"], row["check_status"]) for row in rows if "agentip" in row["svname"]}

    def judged() -> dict[str, tuple[str, str]] | None:
        found = states()
        done = all(status in ("UP", "DOWN") and check not in ("INI", "") for status, check in found.values())
        return found if done else None

    assert wait_until(judged, timeout=60, what="all servers are checked") == {
        "good": ("UP", "L7OK"),
        "tcp": ("UP", "L7OK"),
        "other-host": ("DOWN", "L7STS"),
        "usual": ("DOWN", "L7STS"),
        "expected": ("UP", "L7OK"),
        "hello": ("DOWN", "L6RSP"),
        "redis": ("DOWN", "L7STS"),
        "connect": ("UP", "L4OK"),
    }
