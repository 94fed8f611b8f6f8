"""docs/reference/auto-pool-labels.md against the table of labels: every label, how it is written, and its field."""

import json
import re
from pathlib import Path

from api.auto_pools.labels import read_exposure
from api.auto_pools.labels.names import WORDS
from api.auto_pools.labels.separators import Separators, read_separators
from api.auto_pools.labels.table import ROWS, Row, Section
from tests.unit.docs.test_pool_page import rows

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "auto-pool-labels.md").read_text()


def field_of(row: Row) -> str:
    """Where the value stands in a pool."""
    if row.section is Section.FRONTEND:
        place = "haproxy.frontends[]"
    else:
        place = "haproxy.backends[]"
        if row.path[0] in ("endpoint", "percent"):
            place += ".services[]"
    return ".".join((place, *row.path))


def test_the_page_lists_exactly_the_labels_of_the_table() -> None:
    """With the form of their values, and the fields that they become."""
    told = {label: (value, field.strip("`")) for label, (value, field, _) in rows(PAGE, HEADER).items()}
    assert told == {f"{row.section}.{row.name}": (str(row.form), field_of(row)) for row in ROWS}


HEADER = "| label | value | field of the pool | default and meaning |"


def test_the_page_lists_exactly_the_labels_without_a_group() -> None:
    """With the separators that are usual."""
    told = {
        label: cells[0].strip("`").replace("\\", "")
        for label, cells in rows(PAGE, "| label | default | meaning |").items()
    }
    assert told.keys() == set(WORDS)
    usual = read_separators({})
    assert isinstance(usual, Separators)
    assert [text for label, text in told.items() if label.endswith("delimiter")] == list(usual)


def test_the_labels_that_the_page_shows_are_read_without_a_problem() -> None:
    """People copy them."""
    examples = [
        json.loads(block)["labels"] for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    ]
    assert len(examples) > 1
    for labels in examples:
        exposure = read_exposure(tuple(sorted(labels.items())))
        assert exposure is not None
        assert (len(exposure.claims), exposure.problems) == (1, ())
