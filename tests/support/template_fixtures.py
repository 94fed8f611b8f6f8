"""What tests of whole template processes share: a listener, processes that follow it, and what they log."""

import contextlib
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import pytest
import structlog.testing

from tests.integration.listener.test_taskinfo import Listener
from tests.support.template_process import Template
from tests.support.zookeeper import ZooKeeperServer

Process = Callable[..., Template]
"""A template process that follows this listener, on the ZooKeeper of the run or another one."""


@pytest.fixture(autouse=True)
def logged(request: pytest.FixtureRequest) -> Iterator[list[MutableMapping[str, Any]]]:
    """What is caught and logged as an error by some thread fails the test, unless it is marked to expect some."""
    with structlog.testing.capture_logs() as entries:
        yield entries
    if "expects_errors" not in request.fixturenames:
        assert [entry for entry in entries if entry["log_level"] in ("error", "critical")] == []


@pytest.fixture
def expects_errors() -> None:
    """The test looks at the errors itself."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Fed by what the test has a Mesos master say."""
    made = Listener()
    yield made
    made.stop()


@pytest.fixture
def process(zookeeper: ZooKeeperServer, zk_root: str) -> Iterator[Process]:
    """They end with the test, whatever becomes of it."""
    with contextlib.ExitStack() as stack:

        def started(listener: Listener, server: ZooKeeperServer = zookeeper, **options: Any) -> Template:
            made = Template(server.address, zk_root, listener.target, **options)
            stack.callback(made.stop)
            return made

        yield started
