"""What requests, tasks and placing cost, and all that no other file here runs."""

import pytest

from tests.integration.benchmarks import test_changes, test_starts
from tests.integration.benchmarks.tiny import TINY, says_what_it_found

pytestmark = [pytest.mark.integration, pytest.mark.slow]
BENCHMARKS = sorted({*TINY} - {*test_changes.BENCHMARKS, *test_starts.BENCHMARKS})


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_says_what_it_found(name: str) -> None:
    """Figures, and bars with their limits."""
    says_what_it_found(name)
