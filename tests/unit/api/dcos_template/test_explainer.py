"""When reasons are worked out: bounded in number, kept for a while, and a small share of the time."""

from api.dcos_template.publishing.problem import MOST_WRITTEN
from api.dcos_template.selecting.explainer import LOOK_AGAIN, Explainer
from api.dcos_template.selecting.selection import Selection
from tests.unit.api.dcos_template.pools import backend, pool, service, task

LATER = "the reason is still being looked for"


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
    assert first == {"a": "no task runs in the cluster"} | dict.fromkeys("bc", LATER)
    assert reasons(list(made.explain("web", 1, ["a", "b", "c"]))) == first
    clock.time += 5.0
    second = reasons(list(made.explain("web", 1, ["a", "b", "c"])))
    assert second == dict.fromkeys("ab", "no task runs in the cluster") | {"c": LATER}


def test_what_is_found_at_once_is_told_at_once() -> None:
    """However many pools ask in the same moment: nothing is put off that takes no time."""
    names = [f"p{number}" for number in range(100)]
    made, _, _ = explainer_of(names)
    for name in names:
        assert reasons(list(made.explain(name, 1, ["app"]))) == {"app": "task t is not healthy"}


def test_every_pool_gets_its_turn() -> None:
    """One reason takes all that may be spent for a while, and the pools always ask in the same order."""
    names = [f"p{number}" for number in range(10)]
    made, _, clock = explainer_of(names)
    clock.step = 0.1
    told = set()
    for _ in names:
        for name in names:
            if reasons(list(made.explain(name, 1, ["app"]))) == {"app": "task t is not healthy"}:
                told.add(name)
        clock.time += LOOK_AGAIN
    assert told == set(names)


def test_a_pool_that_waits_for_a_reason_asks_again_sooner_than_one_that_has_it() -> None:
    """One whose backends all have servers does not ask again, nor one that is gone."""
    made, _, clock = explainer_of(["p0", "p1", "p2"])
    clock.step = 0.1
    for name in ("p0", "p1"):
        made.explain(name, 1, ["app"])
    made.explain("p2", 1, [])
    assert made.look_again("p0") == LOOK_AGAIN
    assert 0 < (made.look_again("p1") or 0) < LOOK_AGAIN
    assert made.look_again("p2") is None
    for name in ("p0", "p1"):
        made.forget(name)
    assert (made.look_again("p0"), made.look_again("p1")) == (None, None)


def explainer_of(pools: list[str]) -> tuple[Explainer, Selection, SteppingClock]:
    """Of pools whose backend `app` selects one task, which is not healthy."""
    selection, clock = Selection(), SteppingClock()
    for name in pools:
        selection.set_pool(pool(name, backend("app", service(task_name="t"))))
    selection.update([task("t", healthy=False)], [])
    return Explainer(selection, clock), selection, clock


def test_a_backend_whose_servers_come_and_go_is_not_looked_at_each_time() -> None:
    """What was found out lately is told again; a pool without such backends has nothing to be looked at again."""
    made, selection, clock = explainer("app")
    none = {"app": "no task runs in the cluster"}
    assert reasons(list(made.explain("web", 1, ["app"]))) == none
    selection.update([task("t1", name="other")], [])
    assert made.explain("web", 1, []) == []
    assert made.look_again("web") is None
    assert reasons(list(made.explain("web", 1, ["app"]))) == none
    assert made.look_again("web") == LOOK_AGAIN
    assert made.explain("web", 1, []) == []
    clock.time += LOOK_AGAIN
    assert reasons(list(made.explain("web", 1, ["app"]))) == {"app": "no task is called app; tasks are other"}
