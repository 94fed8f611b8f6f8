"""The stored form of a pool template: what is none."""

import json

import pytest

from api.auto_pools.templates.stored_template import decode
from sdk.errors import CorruptRecord

GOOD = {"schema": 1, "uid": "a", "version": 1, "created": 0.0, "author": "", "text": ""}


@pytest.mark.parametrize("field", ["schema", "version", "created"])
@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400, "NaN", "[]", "null", '"x"'])
def test_garbage_is_a_damaged_template_and_nothing_worse(field: str, number: str) -> None:
    """Whoever watches all of them goes on with the others."""
    text = json.dumps({**GOOD, field: "HERE"}).replace('"HERE"', number)
    try:
        found = decode("/edgelb/pool-templates/team", text.encode())
    except CorruptRecord as error:
        assert str(error).startswith("/edgelb/pool-templates/team")  # noqa: PT017 - some numbers are fine
    else:
        assert found.name == "team"
