"""docs/reference/api.md against the application: every route has a row, and a role, and there are no others."""

import re
from pathlib import Path

import pytest

from api.status import states as pool_states
from api.validation.trials import Trials
from api.web.app import create_app
from api.web.permissions import NEEDS, Needs
from sdk.storage.connection import connect
from tests.support.users import OPS, credentials

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text()


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The endpoint of every operation; HEAD and OPTIONS come with every GET and are not listed."""
    # Never connects: only the table of routes is looked at.
    zookeeper = connect("127.0.0.1:1", session_timeout=1)
    known = credentials(tmp_path_factory.mktemp("users"), OPS)
    try:
        app = create_app(zookeeper, "/edgelb", version="v0", trials=Trials(), credentials=known)
    finally:
        zookeeper.close()
    return {
        f"{method} {rule.rule.replace('<string:', '<')}": rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def listed(row: str) -> set[str]:
    return set(re.findall(r"`([A-Z]+ /[^`]*)`", row))


def test_the_page_lists_exactly_the_operations_that_there_are(operations: dict[str, str]) -> None:
    """But for the page on which people log in, which is no operation of programs."""
    rows = re.findall(r"^\| (`[A-Z]+ /.*?) \|", PAGE, re.MULTILINE)
    served = {operation for operation, endpoint in operations.items() if not endpoint.startswith("login.")}
    assert {operation for row in rows for operation in listed(row)} == served


def test_the_page_says_of_every_operation_whose_it_is(operations: dict[str, str]) -> None:
    """Whatever reads is every user's, unless it is everybody's."""
    table = PAGE.split("| who | may |")[1].split("\n\n")[0]
    rows = dict(re.findall(r"^\| ([a-z].*?) \| (.*) \|$", table, re.MULTILINE))
    everybody, user, pool, template, admin = map(listed, rows.values())
    template |= {operation.replace("/pooltemplates", "/poolTemplates") for operation in template}
    told = {
        **{key: {Needs.NOTHING} for key in everybody},
        **{key: {Needs.READER} for key in user},
        **{key: {Needs.POOL, Needs.NEW_POOL} for key in pool},
        **{key: {Needs.TEMPLATE, Needs.NEW_TEMPLATE} for key in template},
        **{key: {Needs.ADMIN} for key in admin},
    }
    assert told.keys() <= operations.keys()
    for operation, endpoint in operations.items():
        reading = {Needs.READER} if operation.startswith("GET ") else set()
        assert NEEDS[endpoint] in told.get(operation, reading), operation


def test_the_page_lists_exactly_the_states_of_a_pool() -> None:
    """The words of `state` in the status."""
    words = {value for name, value in vars(pool_states).items() if name.isupper() and isinstance(value, str)}
    table = PAGE.split("| state | meaning |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` ", table, re.MULTILINE)) == words
