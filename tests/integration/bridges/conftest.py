"""A chain for each file."""

from tests.support.chain.fixtures import chain, pool

__all__ = ["chain", "pool"]
