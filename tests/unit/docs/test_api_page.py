"""docs/reference/api.md against the application: every route has a row, and there are no others."""

import re
from pathlib import Path

from api.status import states as pool_states
from api.validation.trials import Trials
from api.web.app import create_app
from sdk.storage.connection import connect

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text()


def test_the_page_lists_exactly_the_operations_that_there_are() -> None:
    """HEAD and OPTIONS come with every GET and are not listed."""
    # Never connects: only the table of routes is looked at.
    zookeeper = connect("127.0.0.1:1", session_timeout=1)
    try:
        app = create_app(zookeeper, "/edgelb", version="v0", trials=Trials())
    finally:
        zookeeper.close()
    served = {
        f"{method} {rule.rule.replace('<string:', '<')}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    rows = re.findall(r"^\| (`[A-Z]+ /.*?) \|", PAGE, re.MULTILINE)
    assert {operation for row in rows for operation in re.findall(r"`([A-Z]+ /[^`]*)`", row)} == served


def test_the_page_lists_exactly_the_states_of_a_pool() -> None:
    """The words of `state` in the status."""
    words = {value for name, value in vars(pool_states).items() if name.isupper() and isinstance(value, str)}
    table = PAGE.split("| state | meaning |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` ", table, re.MULTILINE)) == words
