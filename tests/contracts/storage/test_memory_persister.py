"""The memory persister behaves as every persister."""

from collections.abc import Callable

import pytest

from sdk.storage.memory_persister import MemoryPersister
from sdk.storage.persister import Persister
from tests.contracts.storage.suite import PersisterBehaviour


class TestMemoryPersister(PersisterBehaviour):
    """All of the suite in memory."""

    @pytest.fixture
    def persister(self) -> Persister:
        return MemoryPersister()

    @pytest.fixture
    def root(self) -> str:
        return "/t"

    @pytest.fixture
    def other(self, persister: Persister) -> Callable[[], Persister]:
        return lambda: persister
