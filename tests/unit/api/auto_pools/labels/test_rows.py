"""Every label of the table, by an example."""

import pytest

from api.auto_pools.claim import Claim
from api.auto_pools.labels import read_exposure
from api.auto_pools.labels.table import ROWS
from tests.unit.api.auto_pools.labels.rows import EXAMPLES, REALM, REDIRECT, Example


def claim_of(**labels: str) -> Claim:
    """That of group `web`, without a problem."""
    said = {"edgelb.expose": "true", **{f"edgelb.web.{name}": text for name, text in labels.items()}}
    exposure = read_exposure(tuple(sorted(said.items())))
    assert exposure is not None
    assert exposure.problems == ()
    [claim] = exposure.claims
    return claim


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_label_is_the_field_of_its_row(example: Example) -> None:
    """With the value that the pool's field would have."""
    assert example.seen(claim_of(**{example.name: example.text})) == example.value


def test_redirects_are_those_of_the_rules() -> None:
    """They stand beside the rules, and not among what all of a port share."""
    claim = claim_of(**{REDIRECT.name: REDIRECT.text, "frontend.rules": "hostEq:a.test"})
    assert REDIRECT.seen(claim) == REDIRECT.value
    assert "redirects" not in dict(claim.frontend)


def test_a_realm_is_that_of_users() -> None:
    """Nobody else is asked for a password."""
    users = {"backend.basicAuth.users": f"name:ann|passwordHash:$5$a${'a' * 43}"}
    assert REALM.seen(claim_of(**{REALM.name: REALM.text, **users})) == REALM.value


def test_every_label_has_an_example() -> None:
    """And nothing else has one."""
    shown = [example.name for example in (*EXAMPLES, REALM, REDIRECT)]
    assert sorted(shown) == sorted(f"{row.section}.{row.name}" for row in ROWS)
