"""How soon changes reach traffic."""

import pytest

from tests.integration.benchmarks.tiny import says_what_it_found

pytestmark = [pytest.mark.integration, pytest.mark.slow]
BENCHMARKS = ("event_to_traffic", "pools")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_says_what_it_found(name: str) -> None:
    """Figures, and bars with their limits."""
    says_what_it_found(name)
