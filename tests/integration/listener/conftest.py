"""A cluster for the listener to follow."""

from tests.integration.sdk_local.conftest import cluster, scheduler

__all__ = ["cluster", "scheduler"]
