"""Claims as labels: what is read from them again is the same."""

from typing import Any

import pytest
from hypothesis import given

from api.auto_pools.claim import Claim
from api.auto_pools.labels import labels_of, read_exposure
from scheduler.pools.model import Backend, Frontend
from tests.unit.api.auto_pools.labels.rows import EXAMPLES, REDIRECT, Example
from tests.unit.api.auto_pools.labels.test_hostile import labels as hostile

FRONTEND, BACKEND = Frontend(name="usual"), Backend(name="usual")


def meant(claim: Claim) -> Any:
    """The claim without the names of labels, and without options that say what is usual."""
    front = {name: option.value for name, option in claim.frontend if option.value != getattr(FRONTEND, name)}
    back = {name: option.value for name, option in claim.backend if option.value != getattr(BACKEND, name)}
    others = (claim.rules, claim.redirects, claim.endpoint, claim.percent, claim.secrets)
    return (claim.group, claim.port, front, back, others)


def claims_of(labels: dict[str, str]) -> tuple[Claim, ...]:
    """Those of an exposed task."""
    found = read_exposure(tuple(sorted(labels.items())))
    assert found is not None
    return found.claims


@pytest.mark.parametrize("example", [*EXAMPLES, REDIRECT], ids=lambda example: example.name)
def test_each_label_is_written_as_it_is_read(example: Example) -> None:
    """Perhaps in another form of the same."""
    rules = {"edgelb.web.frontend.rules": "hostEq:a.test"} if example is REDIRECT else {}
    [claim] = claims_of({"edgelb.expose": "true", f"edgelb.web.{example.name}": example.text, **rules})
    again = claims_of(labels_of({"web": claim}))
    assert [meant(one) for one in again] == [meant(claim)]


@given(hostile)
def test_whatever_was_read_is_written(said: tuple[tuple[str, str], ...]) -> None:
    """Or it is said that nothing separates its values."""
    claims = claims_of(dict(said))
    try:
        written = labels_of({claim.group: claim for claim in claims})
    except ValueError as error:
        assert "separates" in str(error) or "no label" in str(error)  # noqa: PT017 - one of two outcomes
        return
    if claims:
        assert [meant(one) for one in claims_of(written)] == [meant(one) for one in claims]


def test_conditions_on_headers_and_cookies_are_written() -> None:
    """As keys with their names."""
    rules = "hostEq:a.test|header.X-Canary:|cookie.team:blue,headerReg.Accept:json$|cookieReg.v:^2"
    [claim] = claims_of({"edgelb.expose": "true", "edgelb.web.frontend.rules": rules})
    assert [meant(one) for one in claims_of(labels_of({"web": claim}))] == [meant(claim)]


def test_what_is_usual_is_not_written() -> None:
    """People read it."""
    [claim] = claims_of({"edgelb.expose": "true", "edgelb.web.frontend.port": "81"})
    assert labels_of({"web": claim}) == {
        "edgelb.expose": "true",
        "edgelb.web.frontend.port": "81",
        "edgelb.web.frontend.protocol": "HTTP",
    }


def test_separators_are_changed_where_values_hold_the_usual_ones() -> None:
    """Paths may hold commas."""
    labels = {"edgelb.expose": "true", "edgelb.delimiter": ";", "edgelb.web.frontend.rules": "pathBeg:/a,b;pathBeg:/c"}
    assert labels.items() <= labels_of({"web": claims_of(labels)[0]}).items()
