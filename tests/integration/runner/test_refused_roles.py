"""The runner and its real connection to a master of the embedded Mesos that does not give every role."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scheduler.main import framework_info
from sdk.core.effects import StoreFramework
from sdk.core.events import Event
from sdk.frameworks import parse_frameworks
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.feed import MesosFeed
from sdk.model.records import FrameworkRecord
from sdk.retry import ExponentialBackoff
from sdk.runner import Phase
from tests.integration.runner.doubles import service
from tests.integration.runner.test_runner import Bench
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ACLS = {
    "permissive": True,
    "register_frameworks": [
        {"principals": {"type": "ANY"}, "roles": {"values": ["test", "more"]}},
        {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}},
    ],
}


@pytest.fixture
def master(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "acls").write_text(json.dumps(ACLS))
    port = free_port()
    command = [sys.executable, "-m", "sdk.local.master", "--port", str(port), "--work-dir", str(tmp_path / "master")]
    with subprocess.Popen([*command, "--acls", f"file://{tmp_path / 'acls'}"], stdin=subprocess.DEVNULL) as running:
        yield f"127.0.0.1:{port}"
        running.terminate()
        running.wait(10)


@pytest.fixture
def bench(master: str) -> Iterator[Bench]:
    def feeds(record: FrameworkRecord, post: Callable[[Event], None]) -> MesosFeed:
        info = FrameworkInfo(name="test", roles=record.roles, user="root", framework_id=record.framework_id)
        return MesosFeed(info=info, master=master, post=post, backoff=ExponentialBackoff(0.05, 0.5))

    made = Bench(master=feeds)  # type: ignore[arg-type]
    made.plugin.services = {
        "web": service(),
        "more": service("more", role="more"),
        "bad": service("bad", role="secret"),
    }
    yield made
    made.runner.stop()


def check(bench: Bench) -> None:
    """In, with what Mesos gives; what it does not give is told in its words."""
    wait_until(lambda: "bad" in bench.runner.status().problems, 20, "the refusal")
    assert list(bench.runner.status().problems) == ["bad"]
    words = "Mesos refuses the role secret: HTTP 403: Not authorized to register framework"
    assert bench.runner.status().problems["bad"].startswith(words)
    wait_until(lambda: bench.stored_roles() == ("more", "test"), 20, "the roles that Mesos accepted")
    bench.wait_ready()


def test_a_role_that_a_real_master_refuses_keeps_nobody_out(bench: Bench) -> None:
    """UPDATE_FRAMEWORK is refused with it, and taken without it."""
    bench.lead()
    check(bench)


def test_a_stored_role_that_is_forbidden_by_now_keeps_nobody_out(bench: Bench) -> None:
    """SUBSCRIBE is refused with it, and taken with the configured roles."""
    record = FrameworkRecord(name="test", roles=("secret", "test"))
    bench.store.apply([StoreFramework(record=record)])
    bench.runner.start()
    bench.lock.give(bench.persister)
    wait_until(lambda: bench.runner.status().ready, 20, "the subscription")
    check(bench)


def test_another_user_in_the_configuration_keeps_no_role_out(master: str) -> None:
    """A real master ignores it in SUBSCRIBE, and would refuse the UPDATE_FRAMEWORK that adds the role."""
    entry: dict[str, object] = {"name": "test", "plugin": "a:B", "roles": ["test"], "user": "root"}

    def feeds(record: FrameworkRecord, post: Callable[[Event], None]) -> MesosFeed:
        info = framework_info(parse_frameworks({"frameworks": [entry]})[0], record, "http://here")
        return MesosFeed(info=info, master=master, post=post, backoff=ExponentialBackoff(0.05, 0.5))

    bench = Bench(master=feeds)  # type: ignore[arg-type]
    try:
        bench.lead()
        bench.lock.take()
        wait_until(lambda: bench.runner.status().phase is Phase.STANDBY, 20, "a standby")
        entry |= {"user": "www", "checkpoint": False}
        bench.plugin.services["more"] = service("more", role="more")
        bench.lock.give(bench.persister)
        wait_until(lambda: bench.stored_roles() == ("more", "test"), 20, "the new role")
        bench.wait_ready()
        assert bench.runner.status().problems == {}
        record = bench.store.load_framework()
        assert record is not None
        assert (record.user, record.checkpoint) == ("root", True)
    finally:
        bench.runner.stop()
