"""Resource arithmetic is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.model.resources import Reservation, Resource, milli
from sdk.offer.algebra import (
    NotContained,
    add,
    add_ranges,
    contain,
    covers,
    excess,
    identity,
    intersect_ranges,
    subtract,
    subtract_ranges,
)

STATIC = Reservation(role="slave_public", dynamic=False)
OURS = Reservation(role="slave_public/web", dynamic=True, principal="p", labels=(("resource_id", "a"),))
STACKS = ((), (STATIC,), (STATIC, OURS))

ranges = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=6
)
scalars = st.builds(
    Resource,
    name=st.sampled_from(("cpus", "mem")),
    scalar=st.integers(0, 10_000),
    reservations=st.sampled_from(STACKS),
)
ports = st.builds(
    Resource,
    name=st.just("ports"),
    ranges=ranges.map(lambda found: add_ranges(found, ())),
    reservations=st.sampled_from(STACKS),
)
items = st.builds(Resource, name=st.just("tags"), items=st.frozensets(st.sampled_from("abcd")))
lists = st.lists(st.one_of(scalars, ports, items), max_size=8)


def numbers(found: tuple[tuple[int, int], ...]) -> set[int]:
    """All numbers in ranges."""
    return {number for begin, end in found for number in range(begin, end + 1)}


@given(ranges, ranges)
def test_ranges_behave_as_sets_of_numbers(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    """Union, difference and intersection of ranges are those of their numbers, in normal form."""
    one, two = numbers(tuple(left)), numbers(tuple(right))
    for result, expected in (
        (add_ranges(left, right), one | two),
        (subtract_ranges(left, right), one - two),
        (intersect_ranges(left, right), one & two),
    ):
        assert numbers(result) == expected
        assert all(result[i][1] + 1 < result[i + 1][0] for i in range(len(result) - 1))


@given(ranges, st.integers(0, 80))
def test_covers_tells_membership(found: list[tuple[int, int]], number: int) -> None:
    """A number is covered exactly when one of the ranges holds it."""
    assert covers(found, number) == (number in numbers(tuple(found)))


@given(lists, lists)
def test_what_was_added_can_be_taken_away_again(left: list[Resource], right: list[Resource]) -> None:
    """Scalars: (a + b) - b is a, to the thousandth. Ranges and sets: what is left holds nothing of b."""
    total = add(left, right)
    assert contain(total, left)
    assert contain(total, right)
    rest = {identity(resource): resource for resource in subtract(total, right)}
    for key, resource in ((identity(entry), entry) for entry in add(left, ())):
        if resource.scalar is not None:
            assert rest[key].scalar == resource.scalar


@given(lists, lists)
def test_subtract_succeeds_exactly_when_contained(left: list[Resource], right: list[Resource]) -> None:
    """`subtract` raises if and only if `contain` says no, and then loses nothing otherwise."""
    if contain(left, right):
        assert set(add(subtract(left, right), right)) == set(add(left, ()))
    else:
        with pytest.raises(NotContained):
            subtract(left, right)


@given(lists, lists)
def test_excess_is_what_remains_beyond(left: list[Resource], right: list[Resource]) -> None:
    """The excess is a part of the left side, and holds nothing when the right side holds the left."""
    beyond = excess(left, right)
    assert contain(left, beyond)
    if contain(right, left):
        assert beyond == ()


def test_labels_are_identity() -> None:
    """Reservations with other labels never merge and never stand for one another."""
    other = Reservation(role="slave_public/web", dynamic=True, principal="p", labels=(("resource_id", "b"),))
    one = Resource(name="cpus", scalar=500, reservations=(STATIC, OURS))
    two = Resource(name="cpus", scalar=500, reservations=(STATIC, other))
    assert len(add([one], [two])) == 2
    assert not contain([one], [two])


def test_allocation_role_does_not_keep_quantities_apart() -> None:
    """The allocation role of an offer is carried along, not compared."""
    one = Resource(name="cpus", scalar=500, allocation_role="web")
    two = Resource(name="cpus", scalar=250)
    assert add([one], [two])[0].scalar == 750


@pytest.mark.parametrize(("printed", "thousandths"), [(1.8900000000000001, 1890), (0.1 + 0.2, 300), (2.0, 2000)])
def test_printed_doubles_are_thousandths(printed: float, thousandths: int) -> None:
    """What an offer prints with seventeen digits is a whole number of thousandths."""
    assert milli(printed) == thousandths
