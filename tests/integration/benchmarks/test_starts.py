"""What there is after starts, kills and many changes."""

import pytest

from tests.integration.benchmarks.tiny import says_what_it_found

pytestmark = [pytest.mark.integration, pytest.mark.slow]
BENCHMARKS = ("churn", "convergence", "snapshot")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_says_what_it_found(name: str) -> None:
    """Figures, and bars with their limits."""
    says_what_it_found(name)
