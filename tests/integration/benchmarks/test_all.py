"""No benchmark is forgotten."""

import pytest

from tests.integration.benchmarks.tiny import TINY, scripts

pytestmark = pytest.mark.integration


def test_every_benchmark_has_its_tiny_size() -> None:
    """A new one gets it; with it, it is run."""
    assert scripts() == set(TINY)
