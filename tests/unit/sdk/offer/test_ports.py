"""Choosing the numbers of ports."""

from hypothesis import given
from hypothesis import strategies as st

from sdk.model.spec import PortSpec
from sdk.offer.ports import choose, choose_of_container

FREE = ((80, 80), (31000, 31009))


def test_static_port_that_agents_do_not_offer_is_refused_with_what_they_offer() -> None:
    """A number outside of what is offered is not called taken: it may well be free, Mesos does not give it out."""
    choice = choose([PortSpec(name="a", number=443), PortSpec(name="b", number=79)], ((15100, 15199),), seed="s")
    assert choice.refusals == ("ports 79, 443 not offered: agents offer 15100-15199",)
    assert choose([PortSpec(name="a", number=443)], (), seed="s").refusals == (
        "port 443 not offered: agents offer no ports",
    )


def test_static_port_that_is_taken_is_refused_by_number() -> None:
    """A number between those that are offered has a task; one that is offered and not free was just given away."""
    specs = [PortSpec(name="a", number=443), PortSpec(name="b", number=31003), PortSpec(name="c", number=90)]
    choice = choose(specs, ((80, 80), (31000, 31002), (31004, 31009)), seed="s", offered=FREE)
    assert choice.refusals == (
        "port 31003 not free: given to another instance just now",
        "ports 90, 443 not free: used by a task, or not the agent's to give",
    )


def test_equal_refusals_have_equal_sentences_whatever_is_used_in_between() -> None:
    """Agents of one kind are counted together: the holes that tasks leave in their ports are not told."""
    wanted = [PortSpec(name="a", number=80)]
    first = choose(wanted, ((31000, 31002), (31004, 31009)), seed="s")
    assert first.refusals == choose(wanted, ((31000, 31007), (31009, 31009)), seed="s").refusals


def test_equal_seeds_choose_equally_and_others_spread() -> None:
    """The choice depends on the seed only, and over many seeds every free number comes up."""
    spec = [PortSpec(name="web")]
    assert choose(spec, FREE, seed="s").numbers == choose(spec, FREE, seed="s").numbers
    seen = {choose(spec, FREE, seed=str(seed)).numbers["web"] for seed in range(500)}
    assert seen == {80, *range(31000, 31010)}


@given(st.text(max_size=5), st.integers(1, 8))
def test_dynamic_ports_are_distinct_and_free(seed: str, count: int) -> None:
    """No number is given twice, excluded or static ones never, and all come from what is free."""
    specs = [PortSpec(name="fixed", number=31000), *(PortSpec(name=f"p{i}") for i in range(count))]
    choice = choose(specs, FREE, seed=seed, excluded=[80])
    assert choice.refusals == ()
    dynamic = [choice.numbers[f"p{i}"] for i in range(count)]
    assert len(set(dynamic)) == count
    assert set(dynamic) <= set(range(31001, 31010))


def test_old_number_is_kept_when_it_is_free() -> None:
    """A relaunch keeps its numbers, and a fresh choice does not take the old number of another port."""
    specs = [PortSpec(name="new"), PortSpec(name="old")]
    for seed in range(50):
        choice = choose(specs, ((31000, 31001),), seed=str(seed), sticky={"old": 31000})
        assert choice.numbers == {"old": 31000, "new": 31001}


def test_old_number_that_is_taken_is_replaced() -> None:
    """An old number that is no longer free, or outside of the allowed ranges, is chosen anew."""
    assert choose([PortSpec(name="web")], FREE, seed="s", sticky={"web": 9}).numbers["web"] != 9
    narrow = PortSpec(name="web", ranges=((31005, 31006),))
    assert choose([narrow], FREE, seed="s", sticky={"web": 31000}).numbers["web"] in (31005, 31006)


def test_ranges_limit_dynamic_ports() -> None:
    """A port with ranges gets a number inside of them or a sentence that names them."""
    inside = choose([PortSpec(name="web", ranges=((31003, 31004),))], FREE, seed="s")
    assert inside.numbers["web"] in (31003, 31004)
    outside = choose([PortSpec(name="web", ranges=((1, 9),))], FREE, seed="s")
    assert outside.refusals == ("port web: no free port in 1-9",)


def test_more_ports_than_there_are_is_refused() -> None:
    """When the free numbers run out, each port without one is named."""
    choice = choose([PortSpec(name="a"), PortSpec(name="b")], ((5, 5),), seed="s")
    assert choice.refusals == ("port b: no free port",)


def test_ports_of_a_container_are_counted_up_past_the_fixed_ones() -> None:
    """The same specs give the same numbers, wherever and whenever: nobody else uses them."""
    specs = (
        PortSpec(name="a"),
        PortSpec(name="b", number=1026),
        PortSpec(name="c"),
        PortSpec(name="d", number=80),
        PortSpec(name="e", ranges=((79, 82),)),
        PortSpec(name="f", ranges=((79, 82),)),
    )
    choice = choose_of_container(specs)
    assert choice.numbers == {"a": 1025, "b": 1026, "c": 1027, "d": 80, "e": 79, "f": 81}
    assert choice.refusals == ()
    assert choose_of_container(specs) == choice


def test_a_range_that_others_use_up_is_told() -> None:
    """Two ports, one number."""
    choice = choose_of_container((PortSpec(name="a", number=80), PortSpec(name="b", ranges=((80, 80),))))
    assert choice.numbers == {"a": 80}
    assert choice.refusals == ("port b: no free port in 80",)


@given(st.lists(st.tuples(st.integers(70, 31012), st.booleans()), max_size=8, unique_by=lambda one: one[0]))
def test_optional_ports_get_a_number_where_it_is_free_and_refuse_nothing(wanted: list[tuple[int, bool]]) -> None:
    """Each port that is free is given, each that is not is told once: as a refusal only where it has to be there."""
    specs = [PortSpec(name=f"p{number}", number=number, optional=optional) for number, optional in wanted]
    choice = choose(specs, FREE, seed="s")
    free = {number for number, _ in wanted if number == 80 or 31000 <= number <= 31009}
    required = {number for number, optional in wanted if not optional}
    assert {number for number in choice.numbers.values() if number in free or number not in required} == free
    assert bool(choice.refusals) == bool(required - free)
    assert bool(choice.without) == bool({number for number, optional in wanted if optional} - free)


def test_an_optional_dynamic_port_is_left_out_where_none_is_free() -> None:
    """The others are given."""
    specs = [PortSpec(name="a", number=80), PortSpec(name="b", optional=True)]
    choice = choose(specs, ((80, 80),), seed="s")
    assert choice.numbers == {"a": 80}
    assert choice.refusals == ()
    assert choice.without == ("port b: no free port",)
