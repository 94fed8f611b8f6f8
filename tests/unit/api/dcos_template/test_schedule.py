"""What is due next."""

from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.schedule import Schedule


@given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 20)), max_size=80), st.integers(0, 20))
def test_it_is_what_a_table_of_times_says(steps: list[tuple[int, int | None]], now: int) -> None:
    """Whatever was said before about a key."""
    schedule, table = Schedule[int](), dict[int, float]()
    for key, at in steps:
        schedule.set(key, at)
        if at is None:
            table.pop(key, None)
        else:
            table[key] = at
        assert schedule.next == min(table.values(), default=None)
        assert len(schedule) == len(table)
    times = []
    while (found := schedule.pop(now)) is not None:
        times.append(table.pop(found))
    assert times == sorted(times)
    assert all(at > now for at in table.values())


def test_what_is_put_off_again_and_again_takes_no_room() -> None:
    """A pool under steady change is one entry."""
    schedule = Schedule[str]()
    for number in range(10_000):
        schedule.set("web", float(number))
    assert len(schedule._heap) < 100
    assert schedule.pop(1e9) == "web"
    assert schedule.pop(1e9) is None
