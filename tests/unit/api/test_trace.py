"""How far a change is at an instance, from what that says of itself."""

from dataclasses import replace

import pytest

from api.observed.trace import at_instances
from pool_executor.contract import EndpointsStatus, RefusedServer, Step
from tests.unit.pool_executor.contract.test_status import STATUS

CHANGE = {"sequence": 7, "backend": "app", "server": "s"}
STEPS = (Step(5, 1.0, 1.5), Step(8, 2.0, 2.5), Step(9, 3.0, 3.5))


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        (EndpointsStatus(lineage="f00", sequence=9, recent=STEPS), ("applied", 2.0, 2.5)),
        (EndpointsStatus(lineage="f00", sequence=8, recent=STEPS[1:2]), ("applied", 2.0, 2.5)),
        (EndpointsStatus(lineage="f00", sequence=9, recent=STEPS[1:]), ("applied", None, None)),
        (EndpointsStatus(lineage="f00", sequence=7, recent=(Step(7, 1.0, 1.5), STEPS[1])), ("applied", 1.0, 1.5)),
        (EndpointsStatus(lineage="f00", sequence=6, recent=STEPS[:1]), ("waits", None, None)),
        (
            EndpointsStatus(
                lineage="f00",
                sequence=9,
                recent=STEPS,
                refused=(RefusedServer(backend="app", server="s", task="t", reason="no"),),
            ),
            ("refused: no", 2.0, 2.5),
        ),
    ],
)
def test_the_step_that_took_it_along_has_its_times(
    endpoints: EndpointsStatus, expected: tuple[str, float | None, float | None]
) -> None:
    """Of a step whose begin is forgotten nobody knows whether the change was in it."""
    [row] = at_instances(CHANGE, [replace(STATUS, endpoints=endpoints)])
    assert (row["state"], row["seen"], row["applied"]) == expected
    assert (row["name"], row["taskId"]) == ("edgelb-pool-0", "t")
