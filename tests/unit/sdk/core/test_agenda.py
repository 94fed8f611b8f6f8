"""Names in the order in which they are due."""

import math

from hypothesis import given
from hypothesis import strategies as st

from sdk.core.agenda import Agenda

NAMES = st.integers(0, 120).map("n{:03}".format)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, st.integers(0, 50).map(float)),
        st.tuples(st.just("drop"), NAMES, st.just(0.0)),
        st.tuples(st.just("by"), st.just(""), st.integers(0, 50).map(float)),
    ),
    max_size=300,
)


@given(STEPS)
def test_agenda_is_a_sorted_mapping(steps: list[tuple[str, str, float]]) -> None:
    """Names come up when they are due and in order, whatever was put off, brought forward or dropped before."""
    model: dict[str, float] = {}
    agenda: Agenda[str] = Agenda()
    for what, name, time in steps:
        before, kept = agenda, dict(model)
        match what:
            case "put":
                agenda = agenda.put(name, time)
                model[name] = time
            case "drop":
                agenda = agenda.drop(name)
                model.pop(name, None)
            case _:
                due, agenda = agenda.by(time)
                expected = sorted((at, each) for each, at in model.items() if at <= time)
                assert due == tuple(each for _, each in expected)
                model = {each: at for each, at in model.items() if at > time}
        assert agenda.next == min(model.values(), default=math.inf)
        assert len(agenda) == len(model)
        assert {each: agenda.get(each) for each in model} == model
        assert before.by(math.inf)[0] == tuple(each for _, each in sorted((at, each) for each, at in kept.items()))


def test_what_is_put_off_again_and_again_takes_no_room() -> None:
    """One entry of the heap for each name, however often its time changed."""
    agenda: Agenda[str] = Agenda()
    for time in range(10_000):
        agenda = agenda.put("late", float(time)).put("early", float(20_000 - time))
    assert len(agenda) == 2
    assert agenda._size < 200


def test_never_is_not_on_the_agenda() -> None:
    """What has no time is dropped."""
    agenda = Agenda[str]().put("a", 1.0).put("a", math.inf)
    assert (len(agenda), agenda.next) == (0, math.inf)
