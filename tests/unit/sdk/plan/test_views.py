"""Plans as they are shown."""

from collections.abc import Sequence

import pytest

from sdk.model.ids import AgentId
from sdk.plan.progress import Progress
from sdk.plan.steps import Refusals, sentence, tally
from sdk.plan.views import aggregate


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        ((), Progress.COMPLETE),
        ((Progress.COMPLETE, Progress.COMPLETE), Progress.COMPLETE),
        ((Progress.COMPLETE, Progress.ERROR), Progress.ERROR),
        ((Progress.PENDING, Progress.PENDING), Progress.PENDING),
        ((Progress.COMPLETE, Progress.PENDING), Progress.IN_PROGRESS),
        ((Progress.PENDING, Progress.KILLING), Progress.IN_PROGRESS),
        ((Progress.COMPLETE, Progress.DELAYED), Progress.DELAYED),
        ((Progress.PENDING, Progress.DELAYED), Progress.PENDING),
        ((Progress.DELAYED, Progress.PREPARED), Progress.IN_PROGRESS),
    ],
)
def test_status_of_the_whole_follows_its_parts(children: Sequence[Progress], expected: Progress) -> None:
    """Errors win, then activity, then waiting."""
    assert aggregate(children) is expected


def test_refusals_are_counted_by_reason() -> None:
    """The most frequent reason comes first; one agent counts once for each of its reasons."""
    found = tally(
        {
            AgentId("s1"): ("ports 80 not free", "ports 80 not free"),
            AgentId("s2"): ("ports 80 not free",),
            AgentId("s3"): ("role slave_public missing",),
        }
    )
    assert found == (
        Refusals(count=2, reason="ports 80 not free"),
        Refusals(count=1, reason="role slave_public missing"),
    )
    assert tally({AgentId("s1"): ()}) == ()
    assert sentence(found) == "2 offers: ports 80 not free; 1 offer: role slave_public missing"
