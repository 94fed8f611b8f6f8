"""The example of work that ends, over a runner with doubles at its edges: its total comes after its parts, and once."""

from collections.abc import Iterator

import pytest

from examples.batch import Batch
from sdk.core.events import OffersReceived
from sdk.errors import InvalidSpec
from sdk.http.app import make_app
from sdk.metrics import Metrics
from sdk.model.status import TaskState
from tests.integration.runner.doubles import make_offer
from tests.integration.runner.test_runner import Bench
from tests.support.wait import wait_until


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(plugin=Batch())  # type: ignore[arg-type]
    yield made
    made.runner.stop()


def finish(bench: Bench, number: int) -> None:
    """The task that was launched as this one ends well."""
    bench.master.feed.status(bench.master.launched()[number], TaskState.FINISHED)


def offer(bench: Bench, number: int) -> None:
    bench.master.feed.post(OffersReceived(offers=(make_offer(number, f"a{number}", "test"),)))


def test_the_total_is_published_when_all_parts_are_done(bench: Bench) -> None:
    """Another process that takes over does nothing twice."""
    client = make_app([(bench.runner, bench.runner.plugin.blueprints(bench.runner))], Metrics()).test_client()
    bench.lead()
    wait_until(lambda: bench.runner.services == {"parts"}, what="the parts")
    offer(bench, 1)
    wait_until(lambda: len(bench.master.launched()) == 3, what="their launches")
    for number in range(2):
        finish(bench, number)
    wait_until(lambda: client.get("/v1/progress").json == {"done": 2, "parts": 3}, what="two of three")
    assert bench.runner.services == {"parts"}

    bench.lock.take()
    wait_until(lambda: client.get("/v1/progress").status_code == 503, what="a standby")
    bench.lock.give(bench.persister)
    wait_until(lambda: len(bench.master.feeds) == 2, what="another subscription")
    bench.wait_ready()
    finish(bench, 2)
    wait_until(lambda: bench.runner.services == {"parts", "total"}, what="the total")
    offer(bench, 2)
    wait_until(lambda: len(bench.master.launched()) == 4, what="its launch")
    assert bench.master.launched()[3].name == "total-0-work"
    finish(bench, 3)
    wait_until(lambda: all(view.status == "COMPLETE" for view in _services(bench)), what="the end")
    assert len(bench.master.launched()) == 4


def _services(bench: Bench) -> list[object]:
    snapshot = bench.runner.snapshot()
    return [] if snapshot is None else list(snapshot.services.values())


@pytest.mark.parametrize("parts", [0, 101, "3", True, None])
def test_a_number_of_parts_that_is_none_is_refused(parts: object) -> None:
    """At the start, with the path of the option."""
    bench = Bench(plugin=Batch())  # type: ignore[arg-type]
    bench.runner.settings.framework.options["parts"] = parts  # type: ignore[index]
    with pytest.raises(InvalidSpec, match=r"options\.parts"):
        bench.runner.start()
    bench.runner.stop()
