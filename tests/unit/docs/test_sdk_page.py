"""docs/reference/sdk.md: its story is told, and the names on it exist."""

import importlib.util
import re
from pathlib import Path
from typing import Any

from sdk.door.accept import RULES, accept
from sdk.testing import Simulation
from tests.simulation.specs import changed, service
from tests.support import specs_page

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "sdk.md").read_text()


def examples(heading: str) -> str:
    """The Python below a heading."""
    below = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```python\n(.*?)^```", below, re.MULTILINE | re.DOTALL))


def test_the_story_of_the_page_goes_as_told() -> None:
    """The example ends with nothing left."""
    exec(compile(examples("Testing"), "sdk.md", "exec"), {})


def test_the_rules_of_placement_on_the_page_are_taken() -> None:
    """As part of a spec."""
    names: dict[str, Any] = {}
    exec(compile(examples("Placement"), "sdk.md", "exec"), names)
    spec = changed(service(), placement=names["placement"], prefer=names["prefer"])
    assert accept(spec) == spec


def test_the_modules_of_the_page_exist() -> None:
    """Those of the first table."""
    names = re.findall(r"`(sdk\.[a-z.]+)`", PAGE.split("## What you may rely on")[0])
    assert len(names) >= 10
    assert [name for name in names if importlib.util.find_spec(name) is None] == []


def test_the_words_of_stories_on_the_page_are_methods_of_the_simulation() -> None:
    """Those of the two tables under Testing; and no public method is left out."""
    tables = "\n".join(re.findall(r"^\|.*\|$", PAGE.split("## Testing")[1], re.MULTILINE))
    listed = set(re.findall(r"[`(]([a-z_]+)[`(]", tables))
    methods = {name for name in dir(Simulation) if not name.startswith("_")}
    assert listed - {"standbys"} == methods - {"now", "held", "describe"}


def test_the_page_of_specs_is_what_the_classes_say() -> None:
    """`python -m tests.support.specs_page` writes it anew; no class with rules is left out."""
    assert specs_page.PAGE.read_text() == specs_page.render()
    assert set(RULES) <= set(specs_page.KINDS)
