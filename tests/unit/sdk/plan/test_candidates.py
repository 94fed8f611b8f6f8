"""Which steps of a plan may act, by strategy, canary and what operators have said."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.model.plans import PlanRecord, Strategy
from sdk.plan.candidates import awaiting, candidates, verdicts
from sdk.plan.plan import Phase, Plan

STEPS = ("a-0", "a-1", "a-2")


def phase(name: str = "a", strategy: Strategy = Strategy.SERIAL, **fields: object) -> Phase:
    """Three steps."""
    return Phase(name=name, pod=name, steps=tuple(f"{name}-{i}" for i in range(3)), strategy=strategy, **fields)  # type: ignore[arg-type]


def plan(*phases: Phase, strategy: Strategy = Strategy.SERIAL, **fields: object) -> Plan:
    """A plan of these phases."""
    return Plan(name="deploy", phases=phases, strategy=strategy, **fields)  # type: ignore[arg-type]


def said(**fields: object) -> PlanRecord:
    """What operators have said about it."""
    return PlanRecord(service="web", plan="deploy", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("strategy", "after", "done", "expected"),
    [
        (Strategy.SERIAL, {}, (), {"a-0"}),
        (Strategy.SERIAL, {}, ("a-0",), {"a-1"}),
        (Strategy.SERIAL, {}, ("a-1",), {"a-0"}),
        (Strategy.SERIAL, {}, STEPS, set()),
        (Strategy.PARALLEL, {}, ("a-1",), {"a-0", "a-2"}),
        (Strategy.DEPENDENCY, {"a-2": ("a-0", "a-1"), "a-1": ("a-0",)}, (), {"a-0"}),
        (Strategy.DEPENDENCY, {"a-2": ("a-0", "a-1"), "a-1": ("a-0",)}, ("a-0",), {"a-1"}),
        (Strategy.DEPENDENCY, {"a-2": ("a-1",)}, (), {"a-0", "a-1"}),
    ],
)
def test_the_strategy_orders_steps(
    strategy: Strategy, after: Mapping[str, tuple[str, ...]], done: tuple[str, ...], expected: set[str]
) -> None:
    """A step acts when those that come before it are complete."""
    assert candidates(plan(phase(strategy=strategy, after=after)), done.__contains__, None) == expected


@pytest.mark.parametrize(
    ("strategy", "after", "done", "expected"),
    [
        (Strategy.SERIAL, {}, (), {"a-0"}),
        (Strategy.SERIAL, {}, STEPS, {"b-0"}),
        (Strategy.PARALLEL, {}, (), {"a-0", "b-0", "c-0"}),
        (Strategy.DEPENDENCY, {"a": ("c",)}, (), {"b-0", "c-0"}),
        (Strategy.DEPENDENCY, {"a": ("c",)}, ("c-0", "c-1", "c-2"), {"a-0", "b-0"}),
    ],
)
def test_the_strategy_orders_phases(
    strategy: Strategy, after: Mapping[str, tuple[str, ...]], done: tuple[str, ...], expected: set[str]
) -> None:
    """The same holds for the phases of a plan."""
    found = plan(phase("a"), phase("b"), phase("c"), strategy=strategy, after=after)
    assert candidates(found, done.__contains__, None) == expected


def test_an_operator_looks_at_each_canary() -> None:
    """Two canaries act one after the other, each after the word for the one before; then all others do."""
    found = plan(phase(strategy=Strategy.PARALLEL, canary=2))
    assert candidates(found, ().__contains__, None) == {"a-0"}
    assert awaiting(found, ().__contains__, None) == frozenset()
    one = ("a-0",)
    assert candidates(found, one.__contains__, None) == frozenset()
    assert awaiting(found, one.__contains__, None) == {"a"}
    assert verdicts(found, one.__contains__, None)["a-1"] == "waits for `continue`: canary 1 of 2"
    assert candidates(found, one.__contains__, said(continued={"a": 1})) == {"a-1"}
    two = ("a-0", "a-1")
    assert candidates(found, two.__contains__, said(continued={"a": 1})) == frozenset()
    assert candidates(found, two.__contains__, said(continued={"a": 2})) == {"a-2"}


def test_phases_can_be_canaries_too() -> None:
    """The first phase is looked at before the others begin."""
    found = plan(phase("a"), phase("b"), phase("c"), strategy=Strategy.PARALLEL, canary=1)
    assert candidates(found, ().__contains__, None) == {"a-0"}
    assert candidates(found, STEPS.__contains__, None) == frozenset()
    assert awaiting(found, STEPS.__contains__, None) == {""}
    assert candidates(found, STEPS.__contains__, said(continued={"": 1})) == {"b-0", "c-0"}


def test_what_is_interrupted_does_not_begin() -> None:
    """The whole plan, or one of its phases; each step says why."""
    found = plan(phase("a"), phase("b"), strategy=Strategy.PARALLEL)
    assert candidates(found, ().__contains__, said(interrupted=True)) == frozenset()
    assert candidates(found, ().__contains__, said(phases=frozenset({"a"}))) == {"b-0"}
    told = verdicts(found, ().__contains__, said(phases=frozenset({"a"})))
    assert told["a-0"] == "phase a of plan deploy is interrupted"


def test_what_is_forced_counts_as_complete() -> None:
    """The next step, and the next phase, go on."""
    found = plan(phase("a"), phase("b"))
    assert candidates(found, ().__contains__, said(forced=frozenset({"a/a-0"}))) == {"a-1"}
    every = frozenset(f"a/{step}" for step in STEPS)
    assert candidates(found, ().__contains__, said(forced=every)) == {"b-0"}


@given(
    strategy=st.sampled_from(Strategy),
    inner=st.sampled_from(Strategy),
    canary=st.integers(0, 3),
    outer_canary=st.integers(0, 3),
    edges=st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=4),
    parallel_finish=st.randoms(use_true_random=False),
)
def test_every_plan_comes_to_its_end(
    strategy: Strategy,
    inner: Strategy,
    canary: int,
    outer_canary: int,
    edges: set[tuple[int, int]],
    parallel_finish: object,
) -> None:
    """Whatever the order: while something is left, a step may act or an operator is asked; and nothing acts twice."""
    after = {f"p{high}": tuple(f"p{low}" for low, top in edges if top == high and low < high) for high in range(3)}
    phases = tuple(
        Phase(name=f"p{p}", pod=f"p{p}", steps=tuple(f"p{p}-{i}" for i in range(2)), strategy=inner, canary=canary)
        for p in range(3)
    )
    found = Plan(name="deploy", phases=phases, strategy=strategy, canary=outer_canary, after=after)
    done: set[str] = set()
    record = said()
    for _ in range(30):
        may = sorted(candidates(found, done.__contains__, record))
        waits = awaiting(found, done.__contains__, record)
        if len(done) == 6:
            assert not may
            break
        assert may or waits
        assert not done & set(may)
        if may:
            done.add(parallel_finish.choice(may))  # type: ignore[attr-defined]
        else:
            continued = {**record.continued, **{name: record.continued.get(name, 0) + 1 for name in waits}}
            record = said(continued=continued)
    assert len(done) == 6
