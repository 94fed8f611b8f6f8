"""Every label of the table, by an example."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from marshmallow.fields import Nested

from api.auto_pools.claim import Claim
from api.auto_pools.labels import read_exposure
from api.auto_pools.labels.table import FIELDS, ROWS, Section
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


def _leaves(fields: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in fields.items():
        if isinstance(field, Nested):
            inner = {one.data_key or key: one for key, one in field.schema.fields.items()}
            yield from _leaves(inner, (*at, name))
        else:
            yield (*at, name)


#: What others of a frontend or an instance would feel, what an operator has to trust, and what claims have elsewhere.
NO_LABELS = {
    "frontend": {
        *("basicAuth.realm", "basicAuth.users", "bindAddress", "bindModifier", "certificateHosts", "errorPages"),
        *("linkBackend.defaultBackend", "miscStrs", "name"),
    },
    "backend": {"endpoint.trustAnnounced", "minimumServers", "miscStrs", "name", "services"},
}


@pytest.mark.parametrize("section", Section)
def test_every_field_of_a_pool_is_a_label_or_left_out_on_purpose(section: Section) -> None:
    """Whoever adds a field decides."""
    labels = {".".join(row.path) for row in ROWS if row.section is section}
    fields = {".".join(path) for path in _leaves(FIELDS[section])}
    assert fields - labels == NO_LABELS[section]


def test_every_label_has_an_example() -> None:
    """And nothing else has one."""
    shown = [example.name for example in (*EXAMPLES, REALM, REDIRECT)]
    assert sorted(shown) == sorted(f"{row.section}.{row.name}" for row in ROWS)
