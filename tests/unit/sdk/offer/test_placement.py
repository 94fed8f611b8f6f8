"""Marathon's placement constraints."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InvalidSpec
from sdk.model.resources import Attribute
from sdk.offer.place import Others, Place, Places
from sdk.offer.placement import as_rule, parse_constraints, rule_set
from sdk.offer.rules import Known, growing


def refusals(constraints: Iterable[tuple[str, ...]], candidate: Place, siblings: Iterable[Place]) -> tuple[str, ...]:
    """With siblings that have names of their own."""
    named = (replace(each, instance=each.instance or f"app-{index}") for index, each in enumerate(siblings))
    return tuple(rule_set(tuple(constraints), ()).refusals(candidate, Known(Others(Places(named)))))


def place(hostname: str = "agent1", instance: str = "", zone: str | None = None, **attributes: str) -> Place:
    """A place with attributes."""
    return Place(
        hostname=hostname,
        zone=zone,
        instance=instance,
        attributes=tuple(Attribute(name=name, text=text) for name, text in attributes.items()),
    )


@pytest.mark.parametrize(
    "text",
    [
        '[["hostname", "unique"], ["rack", "LIKE", "r-[1-3]"]]',
        "hostname:UNIQUE,rack:LIKE:r-[1-3]",
        " hostname:unique , rack:like:r-[1-3] ",
    ],
)
def test_spellings_mean_the_same(text: str) -> None:
    """JSON and colon form, in any case of the operator, give the same constraints."""
    assert parse_constraints(text) == (("hostname", "UNIQUE"), ("rack", "LIKE", "r-[1-3]"))


def test_flat_list_is_one_constraint() -> None:
    """A single triple needs no outer list."""
    assert parse_constraints('["rack", "MAX_PER", "2"]') == (("rack", "MAX_PER", "2"),)


def test_backslash_escapes_separators_only() -> None:
    r"""`\,` and `\:` are literal; other backslashes belong to the regular expression."""
    assert parse_constraints(r"rack:LIKE:a\,b|c\:d|\d+") == (("rack", "LIKE", r"a,b|c:d|\d+"),)


def test_colons_after_the_second_belong_to_the_value() -> None:
    """A value may hold colons without an escape."""
    assert parse_constraints("url:IS:http://x") == (("url", "IS", "http://x"),)


def test_nothing_is_no_constraint() -> None:
    """Empty text and an empty list constrain nothing."""
    assert parse_constraints("") == parse_constraints("[]") == ()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("hostname", "has to be [field, operator]"),
        ("hostname:NEAR", "operator 'NEAR' is none of"),
        ("rack:LIKE", "LIKE needs a value"),
        ("hostname:UNIQUE:x", "UNIQUE takes no value"),
        ("rack:MAX_PER:0", "a whole number above 0"),
        ("rack:GROUP_BY:x", "a whole number above 0"),
        ("rack:LIKE:[", "is not a regular expression"),
        ("rack:IS:x\\", "ends in a backslash"),
        ("[[", "is not JSON"),
        pytest.param("[" * 100_000, "is not JSON", id="deep"),
        ("[1]", "is not a list of lists"),
        (":UNIQUE", "has to be [field, operator]"),
    ],
)
def test_broken_constraints_name_field_and_rule(text: str, rule: str) -> None:
    """What cannot be read is refused with its place and the rule."""
    with pytest.raises(InvalidSpec, match="constraints") as caught:
        parse_constraints(text, "pods.lb.constraints")
    assert caught.value.path.startswith("pods.lb.constraints")
    assert rule in caught.value.rule


SIBLINGS = (
    place("agent1", "app-0", rack="r1"),
    place("agent2", "app-1", rack="r1"),
    place("agent3", "app-2", rack="r2"),
)


@pytest.mark.parametrize(
    ("constraint", "candidate", "expected"),
    [
        ("hostname:UNIQUE", place("agent1"), "hostname agent1 already runs app-0 (hostname:UNIQUE)"),
        ("hostname:UNIQUE", place("agent9"), None),
        ("rack:UNIQUE", place("agent9"), "no rack (rack:UNIQUE)"),
        ("hostname:CLUSTER:agent4", place("agent4"), None),
        ("hostname:CLUSTER:agent4", place("agent5"), "hostname agent5 is not agent4 (hostname:CLUSTER:agent4)"),
        ("rack:CLUSTER", place(rack="r3"), "app-0 runs on rack r1 (rack:CLUSTER)"),
        ("rack:GROUP_BY", place(rack="r2"), None),
        ("rack:GROUP_BY", place(rack="r1"), "rack r1 already runs 2, another one only 1 (rack:GROUP_BY)"),
        ("rack:GROUP_BY:3", place(rack="r2"), "rack r2 already runs 1, another one only 0 (rack:GROUP_BY:3)"),
        ("rack:GROUP_BY", place(), "no rack (rack:GROUP_BY)"),
        ("rack:LIKE:r[12]", place(rack="r2"), None),
        ("rack:LIKE:r", place(rack="r2"), "rack r2 is not like r (rack:LIKE:r)"),
        ("rack:LIKE:.*", place(), "no rack (rack:LIKE:.*)"),
        ("rack:UNLIKE:r[12]", place(rack="r2"), "rack r2 is like r[12] (rack:UNLIKE:r[12])"),
        ("rack:UNLIKE:r.*", place(), None),
        ("rack:MAX_PER:2", place(rack="r1"), "rack r1 already runs 2 (rack:MAX_PER:2)"),
        ("rack:MAX_PER:2", place(rack="r2"), None),
        ("rack:MAX_PER:1", place(), None),
        ("rack:IS:r2", place(rack="r1"), "rack r1 is not r2 (rack:IS:r2)"),
        ("rack:IS_NOT:r2", place(rack="r2"), "rack is r2 (rack:IS_NOT:r2)"),
        ("rack:IS_NOT:r2", place(), None),
        ("@zone:IS:z1", place(zone="z1"), None),
        ("@zone:IS:z1", place(), "no @zone (@zone:IS:z1)"),
        ("@hostname:UNIQUE", place("agent2"), "@hostname agent2 already runs app-1 (@hostname:UNIQUE)"),
    ],
)
def test_each_operator_judges(constraint: str, candidate: Place, expected: str | None) -> None:
    """Each operator accepts what Marathon accepts, and its refusal names values and rule."""
    found = refusals(parse_constraints(constraint), candidate, SIBLINGS)
    assert found == (() if expected is None else (expected,))


def test_all_broken_constraints_are_named() -> None:
    """Two unmet constraints give two sentences."""
    found = refusals(parse_constraints("hostname:UNIQUE,rack:IS:r9"), place("agent1", rack="r1"), SIBLINGS)
    assert len(found) == 2


_PLACES = st.builds(place, st.sampled_from(("agent1", "agent2", "agent3")), rack=st.sampled_from(("r1", "r2")))
_GROWING = st.sampled_from(
    (
        "hostname:UNIQUE",
        "rack:MAX_PER:2",
        "rack:CLUSTER",
        "rack:LIKE:r1",
        "rack:UNLIKE:r1",
        "rack:IS:r2",
        "rack:IS_NOT:r2",
    )
)


@given(_GROWING, _PLACES, st.lists(_PLACES, max_size=4), st.lists(_PLACES, max_size=4))
def test_refused_place_stays_refused_while_siblings_are_added(
    constraint: str, candidate: Place, before: list[Place], more: list[Place]
) -> None:
    """Placing many of one kind looks at each refused place once: this is why."""
    rules = parse_constraints(constraint)
    assert all(growing(as_rule(rule)) for rule in rules)
    if refusals(rules, candidate, before):
        assert refusals(rules, candidate, [*before, *more])
