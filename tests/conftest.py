"""Marks by folder, so that no test on real parts is taken for a pure one, and no timing in property tests. What a run
has started ends with it, and how a test lets its process log ends with the test.
"""

import gc
import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any
from unittest import TestCase

import pytest
import structlog
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.support.guardian import guarded

_HERE = Path(__file__).parent
_REAL = ("integration/", "e2e/", "conformance/http/", "golden/")
"""Where bin/test looks for tests that need ZooKeeper, HAProxy or whole stacks."""
# The embedded Mesos is a tool for development: who changes something else need not wait for its processes. The others
# are whole ways from Mesos to HAProxy, and schedulers as processes on the embedded Mesos.
_SLOW = frozenset(
    {
        "bridges",
        "drain",
        "examples",
        "fail_static",
        "packaging",
        "removal",
        "scheduler",
        "sdk_local",
        "seeing",
        "tenants",
    }
)
"""Folders of tests/integration that bin/test --quick leaves out."""

# How fast an example is made or checked says something of the machine, nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """For those who want to know soon."""
    parser.addoption("--examples", type=int, metavar="N", help="try at most so many examples of each property")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Everything below tests/integration and tests/e2e has the mark of its folder; what takes long begins first."""
    long: set[Path] = set()
    for item in items:
        place = item.path.relative_to(_HERE)
        folder, *below = place.parts
        if folder in ("integration", "e2e"):
            item.add_marker(folder)
        if "slow" in item.keywords or "e2e" in item.keywords:
            long.add(item.path)
        if folder == "integration" and below[0] in _SLOW:
            item.add_marker("slow")
        if ("integration" in item.keywords or "e2e" in item.keywords) and not place.as_posix().startswith(_REAL):
            raise pytest.UsageError(f"{place} needs real parts: it has to stand below one of {', '.join(_REAL)}")
    # Files stay whole and in their order otherwise: a run in several processes hands them out one after the other, and
    # must not end with a long one.
    items.sort(key=lambda item: item.path not in long)
    if (most := config.getoption("--examples")) is not None:
        for item in items:
            if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
                _try_at_most(item, most)


def _try_at_most(item: pytest.Function, most: int) -> None:
    # Those of a state machine stand at its class, and a class may have been looked at for another of its tests.
    holder: Any = item.cls if issubclass(item.cls or object, TestCase) else item.function
    name = "settings" if holder is item.cls else "_hypothesis_internal_use_settings"
    own: settings = getattr(holder, name)
    setattr(holder, name, settings(own, max_examples=min(most, own.max_examples)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was imported stays: looking at it again and again for garbage took a tenth of the pure tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    """Also when it is killed."""
    with guarded():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """A command that runs in this process sets its level, and the next test would not see its warnings."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    try:
        return (yield)
    finally:
        structlog.configure(**config)
        root.handlers[:] = handlers
        root.setLevel(level)
