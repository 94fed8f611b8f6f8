"""A dead task gets no request, and what comes to its port gets none either, when all is well: the measure of the other
files here.
"""

import pytest

from tests.support.chain.chain import Pool
from tests.support.chain.recycling import in_use, recycle

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("state", ["TASK_KILLED", "TASK_FAILED", "TASK_LOST", "TASK_GONE_BY_OPERATOR"])
def test_a_task_ends(pool: Pool, state: str) -> None:
    """However it ends."""
    recycle(pool, pool.tasks[0], state=state)
    in_use(pool)
