"""The pages about HAProxy templates against the templates."""

import re
from pathlib import Path

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.layers import BLOCKS
from api.dcos_template.rendering.sections import OWN
from api.dcos_template.rendering.text import render
from tests.unit.api.dcos_template.pools import backend, frontend, pool

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "template.md").read_text()


def test_the_page_lists_exactly_the_blocks_and_sections_that_there_are() -> None:
    """In the first table."""
    table = PAGE.split("| block |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == list(BLOCKS)
    (sections,) = [line for line in table.splitlines() if line.startswith("| `sections`")]
    assert set(re.findall(r"`([\w-]+)`", sections)) - {"sections"} == OWN


def test_the_templates_of_the_how_to_can_be_used() -> None:
    """Each says something."""
    config = build_config(pool("web", frontend("intern", "app"), backend("app")))
    found = re.findall(r"^```text\n(.*?)^```", (DOCS / "how-to" / "customize-haproxy.md").read_text(), re.M | re.S)
    assert len(found) == 2
    usual = render(config)
    for template in found:
        own = render(config, template)
        assert own.keys() == usual.keys()
        assert sum(own[name] != usual[name] for name in own) >= 2 - (template == found[1])
