"""The example that keeps data, over a runner with doubles at its edges: what it publishes, and what it refuses."""

import pytest

from examples.stateful import FIRST, Stateful, service
from sdk.door.accept import accept
from sdk.errors import InvalidSpec
from tests.integration.runner.test_runner import Bench


def test_its_service_is_one_that_is_taken() -> None:
    """With the first line, and any other."""
    for line in (FIRST, "~ $HOME `x`"):
        [pod] = accept(service("stateful", 2, line)).pods
        assert pod.tasks[0].environment == {"LINE": line}
        assert pod.update.canary == 1


@pytest.mark.parametrize("count", [0, 101, "2", True, None])
def test_a_number_of_instances_that_is_none_is_refused(count: object) -> None:
    """At the start, with the path of the option."""
    bench = Bench(plugin=Stateful())  # type: ignore[arg-type]
    bench.runner.settings.framework.options["count"] = count  # type: ignore[index]
    with pytest.raises(InvalidSpec, match=r"options\.count"):
        bench.runner.start()
    bench.runner.stop()
