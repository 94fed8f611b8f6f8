"""The record of what is wrong with a pool."""

import pytest

from api.dcos_template.publishing.problem import MOST_WRITTEN, Held, Problem, decode_problem, encode_problem
from api.dcos_template.selecting.backends import LeftOut
from scheduler.pools.model import Revision
from sdk.errors import CorruptRecord


def test_nothing_wrong_is_no_record() -> None:
    """Then there is no node."""
    assert Problem.of(Revision("u1", 3), ()) is None


@pytest.mark.parametrize(
    "problem",
    [
        Problem.of(Revision("u1", 3), [LeftOut("app", "t1", "why")]),
        Problem.of(Revision("u1", 0), [], structure="backend app: 'x' is not a balance algorithm"),
        Problem.of(Revision("u1", 1), [], held=Held(since=5.0, reason="3 servers")),
        Problem.of(Revision("u1", 1), [], failing="the template fails"),
        Problem.of(Revision("u1", 1), [], backends=[{"backend": "app", "reason": "no task"}]),
    ],
)
def test_what_is_written_is_read_back(problem: Problem | None) -> None:
    """Every part of it."""
    assert problem is not None
    assert decode_problem("/p", encode_problem(problem)) == problem


def test_the_form_is_that_of_the_contract() -> None:
    """Other programs read it."""
    problem = Problem.of(Revision("u1", 3), [LeftOut("app", "t1", "why")])
    assert problem is not None
    assert encode_problem(problem) == (
        b'{"backends":[],"failing":null,"held":null,"leftOut":1,"poolUid":"u1","poolVersion":3,'
        b'"servers":[{"backend":"app","reason":"why","task":"t1"}],"structure":null}'
    )


def test_however_many_are_left_out_the_record_is_small() -> None:
    """The rest is counted."""
    problem = Problem.of(Revision("u1", 3), (LeftOut("app", f"t{n}", "x" * 10_000) for n in range(5000)))
    assert problem is not None
    assert (len(problem.servers), problem.left_out) == (MOST_WRITTEN, 5000)
    assert len(encode_problem(problem)) < 20_000


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"poolVersion": "x"}'])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    """With its path."""
    with pytest.raises(CorruptRecord, match="/p"):
        decode_problem("/p", data)
