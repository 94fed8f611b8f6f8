"""What requests, tasks and placing cost."""

import pytest

from tests.integration.benchmarks.tiny import says_what_it_found

pytestmark = [pytest.mark.integration, pytest.mark.slow]
BENCHMARKS = (
    "data_plane",
    "embedded_mesos_allocation",
    "embedded_mesos_scale",
    "render",
    "sdk_placement",
    "tls_rotation",
    "zero_drop",
)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_says_what_it_found(name: str) -> None:
    """Figures, and bars with their limits."""
    says_what_it_found(name)
