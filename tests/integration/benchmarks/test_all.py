"""No benchmark is forgotten."""

import pytest

from tests.integration.benchmarks import test_changes, test_loads, test_starts
from tests.integration.benchmarks.tiny import TINY, scripts

pytestmark = pytest.mark.integration


def test_every_benchmark_is_run_here_once() -> None:
    """A new one gets its tiny size and a place."""
    run = [*test_changes.BENCHMARKS, *test_loads.BENCHMARKS, *test_starts.BENCHMARKS]
    assert scripts() == set(TINY)
    assert sorted(run) == sorted(TINY)
