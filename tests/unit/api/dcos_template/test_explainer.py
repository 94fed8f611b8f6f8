"""When reasons are worked out: bounded in number, kept for a while, and a small share of the time."""

from api.dcos_template.explainer import LOOK_AGAIN, Explainer
from api.dcos_template.problem import MOST_WRITTEN
from api.dcos_template.select import Selection
from tests.unit.api.dcos_template.pools import backend, pool, service, task


class SteppingClock:
    """Every look at it takes a step: that is how long an explanation takes."""

    def __init__(self) -> None:
        self.time, self.step = 100.0, 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        self.time += self.step
        return self.time


def explainer(*names: str) -> tuple[Explainer, Selection, SteppingClock]:
    """Of a pool whose backends select tasks of their own names."""
    selection, clock = Selection(), SteppingClock()
    selection.set_pool(pool("web", *(backend(name, service(task_name=name)) for name in names)))
    return Explainer(selection, clock), selection, clock


def reasons(told: list[object]) -> dict[str, str]:
    return {str(one["backend"]): str(one["reason"]) for one in told if isinstance(one, dict)}


def test_a_reason_is_kept_for_a_while_and_looked_for_anew_for_another_pool() -> None:
    """Tasks of others come and go all the time; a changed pool is another question."""
    made, selection, clock = explainer("app")
    assert reasons(list(made.explain("web", 1, ["app"]))) == {"app": "no task runs in the cluster"}
    selection.update([task("t1", name="other")], [])
    clock.time += LOOK_AGAIN / 2
    assert reasons(list(made.explain("web", 1, ["app"]))) == {"app": "no task runs in the cluster"}
    expected = {"app": "no task is called app; tasks are other"}
    assert reasons(list(made.explain("web", 2, ["app"]))) == expected
    selection.update([], [next(iter(selection.tasks)).key])
    clock.time += LOOK_AGAIN
    assert reasons(list(made.explain("web", 2, ["app"]))) == {"app": "no task runs in the cluster"}


def test_only_the_first_backends_are_told() -> None:
    """A pool of a thousand empty backends is as quick as one of twenty."""
    names = [f"b{number:04}" for number in range(1000)]
    made, _, _ = explainer(*names)
    assert list(reasons(list(made.explain("web", 1, names)))) == names[:MOST_WRITTEN]


def test_what_takes_long_is_done_a_little_at_a_time() -> None:
    """The loop has servers to publish: the rest gets its reasons later, and a short answer until then."""
    made, _, clock = explainer("a", "b", "c")
    clock.step = 0.1
    first = reasons(list(made.explain("web", 1, ["a", "b", "c"])))
    assert first == {"a": "no task runs in the cluster"} | dict.fromkeys("bc", "no task meets its conditions")
    assert reasons(list(made.explain("web", 1, ["a", "b", "c"]))) == first
    clock.time += 5.0
    second = reasons(list(made.explain("web", 1, ["a", "b", "c"])))
    assert second == dict.fromkeys("ab", "no task runs in the cluster") | {"c": "no task meets its conditions"}
