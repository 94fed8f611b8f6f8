"""Arithmetic on Mesos resources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core.resources import Resources, modern, old_format, text
from sdk.local.flags import attributes, resources


def test_scalars_are_thousandths() -> None:
    """0.1234 of 1.0 leaves 0.877, as the recordings show."""
    left = Resources.of(resources("cpus:1.0")) - Resources.of(resources("cpus:0.1234"))
    assert left.json() == [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.877}}]


def test_reservations_and_labels_are_identity() -> None:
    """Resources with other reservations or labels neither merge nor contain each other."""
    plain, reserved = (Resources.of(resources(text)) for text in ("cpus:1", "cpus(r):1"))
    labelled = Resources.of(
        item | {"reservations": [{"type": "DYNAMIC", "role": "r", "labels": {"labels": [{"key": "a"}]}}]}
        for item in plain
    )
    total = plain + reserved + labelled
    assert len(total.json()) == 3
    assert not plain.contains(reserved)
    assert not reserved.contains(labelled)
    assert total - reserved == plain + labelled


def test_ranges() -> None:
    """Ranges are cut and merged."""
    ports = Resources.of(resources("ports:[1-10,12-20]"))
    left = ports - Resources.of(resources("ports:[5-6,20-20]"))
    assert left.spans("ports") == ((1, 4), (7, 10), (12, 19))
    assert (left + Resources.of(resources("ports:[5-6,11-11]"))).spans("ports") == ((1, 19),)
    assert not left.contains(Resources.of(resources("ports:[4-5]")))


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), min_size=1, max_size=5)
amounts = st.fixed_dictionaries({"cpus": st.integers(0, 5000), "ports": spans})


def build(amount: dict[str, object]) -> Resources:
    """cpus and ports as Resources."""
    ranges = [{"begin": begin, "end": begin + length} for begin, length in amount["ports"]]  # type: ignore[attr-defined]
    return Resources.of(
        [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": amount["cpus"] / 1000}},  # type: ignore[operator]
            {"name": "ports", "type": "RANGES", "ranges": {"range": ranges}},
        ]
    )


@given(amounts, amounts)
def test_what_is_taken_and_given_back_is_whole(left: dict[str, object], right: dict[str, object]) -> None:
    """(a + b) - b + b == a + b, and the sum contains both."""
    total = build(left) + build(right)
    assert total.contains(build(left))
    assert total.contains(build(right))
    assert total - build(right) + build(right) == total
    assert not (total - total)


def test_text_is_that_of_mesos() -> None:
    """The form in error messages, as recorded."""
    entry = {
        "type": "DYNAMIC",
        "role": "r/x",
        "principal": "p",
        "labels": {"labels": [{"key": "pod", "value": "lb-0"}]},
    }
    item = resources("cpus(r):0.5")[0]
    item |= {"allocation_info": {"role": "r/x"}, "reservations": [*item["reservations"], entry]}
    assert str(Resources.of([item])) == (
        "cpus(allocated: r/x)(reservations: [(STATIC,r),(DYNAMIC,r/x,p,{pod: lb-0})]):0.5"
    )


def test_old_format_is_converted_both_ways() -> None:
    """`role` and `reservation` become `reservations`, and back for schedulers that know nothing else."""
    old = {
        "name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}, "role": "r", "reservation": {"principal": "p"}
    }  # fmt: skip
    new = modern(old)
    assert new["reservations"] == [{"type": "DYNAMIC", "role": "r", "principal": "p"}]
    assert old_format(new, allocation=False) == old


@pytest.mark.parametrize("text", ["cpus", "cpus:x", "ports:[5-1]", "", "cpus:-1"])
def test_bad_resource_flags_are_refused(text: str) -> None:
    """A mistake in --resources is named, not guessed."""
    with pytest.raises(ValueError, match=r"range|--resources"):
        resources(text)


def test_attributes_have_types() -> None:
    """Numbers, ranges and text, as the agent of the recordings had them."""
    found = {item["name"]: item["type"] for item in attributes("public_ip:true;weight:1.5;range:[1-3,5-7]")}
    assert found == {"public_ip": "TEXT", "weight": "SCALAR", "range": "RANGES"}
    with pytest.raises(ValueError, match="sets are not allowed"):
        attributes("s:{x,y}")


def test_more_than_can_be_counted() -> None:
    """A scalar beyond all numbers of Mesos is as much as it can count, not an error."""
    item = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1e308}}
    assert Resources.of([item]).contains(Resources.of([item]))


def test_scalars_are_cut_and_devices_are_not() -> None:
    """`shrunk` takes kinds in order until the budget is used up; what is no scalar stays."""
    volume = {"name": "disk", "type": "SCALAR", "scalar": {"value": 9.0}, "disk": {"source": {"type": "MOUNT"}}}
    whole = Resources.of([*resources("cpus:4;mem:100;ports:[1-2]"), volume])
    some = whole.shrunk({"cpus": 1500, "disk": 8999}, others=True)
    assert some.scalars() == {"cpus": 1500, "mem": 100_000}
    assert some.spans("ports") == ((1, 2),)
    assert whole.shrunk({"cpus": 1500, "disk": 9000}, others=False).scalars() == {"cpus": 1500, "disk": 9000}
    assert not whole.shrunk({"cpus": -5}, others=False).scalars()


def test_order_is_that_of_mesos() -> None:
    """The last kind takes the place of one that is used up; offers follow the agent's list, unreserved scalars last."""
    total = Resources.of(resources("cpus:4;mem:1024;disk:100;ports:[1-9];cpus(r):1"))
    used = Resources.of(resources("cpus:4;ports:[1-9]"))
    assert [item["name"] for item in total - used] == ["cpus", "mem", "disk"]
    assert str(total - used).startswith("cpus(reservations: [(STATIC,r)]):1; mem:1024")
    back = (total - used) + used
    assert [text(item) for item in back.listed_as(total)] == [text(item) for item in total]
    assert [text(item) for item in back.as_offered(total)] == [
        "ports:[1-9]", "cpus(reservations: [(STATIC,r)]):1", "cpus:4", "mem:1024", "disk:100",
    ]  # fmt: skip
    assert back == total


@given(st.lists(amounts, max_size=5))
def test_the_sum_of_many_is_what_adding_them_one_by_one_gives(parts: list[dict[str, object]]) -> None:
    """In the same order of kinds, too."""
    total = Resources()
    for part in parts:
        total = total + build(part)
    assert Resources.sum(build(part) for part in parts).json() == total.json()


def test_roles_of_any_length_are_not_remembered() -> None:
    """Kinds are shared by all that have them; a huge one is not kept beyond those."""
    item = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}
    for name, same in (("r", True), ("r" * 100_000, False)):
        reserved = item | {"reservations": [{"type": "STATIC", "role": name}]}
        (one, _), (two, _) = (next(Resources.of([reserved]).parts()) for _ in range(2))
        assert (one is two) is same
