"""Marathon's constraints in the three spellings of pool files."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools.words.constraints import BadConstraint, Constraint, parse_constraints

UNIQUE = Constraint(field="hostname", operator="UNIQUE")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("  ", ()),
        ("[]", ()),
        ("hostname:UNIQUE", (UNIQUE,)),
        ("hostname:unique", (UNIQUE,)),
        ('["hostname","UNIQUE"]', (UNIQUE,)),
        ('[["hostname","UNIQUE"]]', (UNIQUE,)),
        (
            '[["hostname","MAX_PER","1"],["@zone","GROUP_BY","3"]]',
            (
                Constraint(field="hostname", operator="MAX_PER", value="1"),
                Constraint(field="@zone", operator="GROUP_BY", value="3"),
            ),
        ),
        ('[["hostname","MAX_PER",1]]', (Constraint(field="hostname", operator="MAX_PER", value="1"),)),
        (
            "public_ip:CLUSTER:true,hostname:UNIQUE",
            (Constraint(field="public_ip", operator="CLUSTER", value="true"), UNIQUE),
        ),
        (r"a:IS:b\:c\,d", (Constraint(field="a", operator="IS", value="b:c,d"),)),
        ("rack:LIKE:rack-[1-3]", (Constraint(field="rack", operator="LIKE", value="rack-[1-3]"),)),
        ("a:IS:b:c", (Constraint(field="a", operator="IS", value="b:c"),)),
        ("@region:GROUP_BY", (Constraint(field="@region", operator="GROUP_BY"),)),
    ],
)
def test_each_spelling_is_understood(text: str, expected: tuple[Constraint, ...]) -> None:
    """The forms seen in public pool files."""
    assert parse_constraints(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hostname",
        "hostname:",
        ":UNIQUE",
        "hostname:NEVER",
        "hostname:UNIQUE:1",
        "hostname:MAX_PER",
        "hostname:MAX_PER:0",
        "hostname:MAX_PER:many",
        "hostname:LIKE:(",
        "hostname:LIKE:(?=a)",
        "hostname:UNIQUE,",
        "a b:UNIQUE",
        "[",
        "[[]]",
        "[1]",
        '[["a"]]',
        '[["a","IS","b","c"]]',
        '{"a": 1}',
        "x" * 5000,
        "[" * 4000,
    ],
)
def test_what_is_no_constraint_is_refused(text: str) -> None:
    """In the product such a pool could neither be deployed nor deleted."""
    with pytest.raises(BadConstraint):
        parse_constraints(text)


@given(st.text(max_size=200))
def test_any_text_is_either_parsed_or_refused(text: str) -> None:
    """Nothing else ever comes out."""
    with contextlib.suppress(BadConstraint):
        assert all(isinstance(one, Constraint) for one in parse_constraints(text))


def test_parts_are_what_the_sdk_takes() -> None:
    """Marathon's pairs and triples."""
    assert UNIQUE.parts == ("hostname", "UNIQUE")
    assert Constraint(field="a", operator="IS", value="b").parts == ("a", "IS", "b")
