"""The page about policies against the code that reads them."""

import json
import re
from pathlib import Path

from api.auto_pools.claims.policy import Limits
from api.auto_pools.claims.policy_schema import read_policy
from scheduler.pools.stored.sparse import key_of

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "auto-pool-policy.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """The fields of the table with that heading, each with its default."""
    table = PAGE.split(f"| {heading} |")[1].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()[2:]]
    return {row[1].strip("`"): row[2].strip("`") for row in cells}


def test_the_example_is_a_policy() -> None:
    """As it stands there."""
    [text] = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    assert len(read_policy(json.loads(text)).rules) == 3


def test_the_tables_list_exactly_the_fields_that_there_are() -> None:
    """With the defaults of limits."""
    unknown = {heading: {"x": 1} for heading in ("policy", "rule", "limits")}
    known = {
        "field": {"rules", "mayAdd", "limits"},
        "field of a rule": _known({"rules": [unknown["rule"]]}),
        "field of `limits`": _known({"limits": unknown["limits"]}),
    }
    assert _known(unknown["policy"]) == known["field"]
    for heading, fields in known.items():
        assert rows(heading).keys() == fields
    limits = Limits()
    assert {key_of(name): str(getattr(limits, name)) for name in Limits.__slots__} == rows("field of `limits`")


def _known(data: object) -> set[str]:
    """The fields that a reader of policies names when it meets an unknown one."""
    try:
        read_policy(data)  # type: ignore[arg-type]
    except ValueError as error:
        return set(re.search(r"known are (.*)$", str(error)).group(1).split(", "))  # type: ignore[union-attr]
    raise AssertionError(data)
