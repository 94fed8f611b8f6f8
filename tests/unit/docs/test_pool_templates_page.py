"""The pages about pool templates against their language."""

import re
from pathlib import Path

import pytest

from api.auto_pools.templates.language.form import BLOCKS
from api.auto_pools.templates.language.functions import FUNCTIONS
from api.auto_pools.templates.language.specimen import specimen_tasks
from api.auto_pools.templates.language.trial import tried
from api.auto_pools.templates.language.views import task_view
from api.auto_pools.templates.stored_template import LONGEST_NAME
from scheduler.pools.model import TlsPolicy

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "pool-templates.md").read_text()
EXAMPLES = re.findall(r"^```text\n(.*?)^```", (DOCS / "how-to" / "change-auto-pools.md").read_text(), re.M | re.S)


def rows(head: str) -> list[list[str]]:
    """The cells of the table that begins so."""
    table = PAGE.split(head)[1].split("\n\n")[0]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()[2:]]


def test_the_page_lists_exactly_the_blocks_with_what_they_print() -> None:
    """By default."""
    found = {row[0].strip("`"): row[2].partition("`: ")[0].strip("`") for row in rows("| block |")}
    assert found == dict(BLOCKS)


def test_the_page_lists_exactly_the_functions() -> None:
    """In their order."""
    found = [name for row in rows("| function |") for name in re.findall(r"`(\w+)\(", row[0])]
    assert found == [function.__name__ for function in FUNCTIONS]


def test_the_page_lists_exactly_what_is_known_of_a_task() -> None:
    """And of its ports."""
    (row,) = [row[1] for row in rows("| value |") if row[0] == "`task`"]
    own, _, of_port = row.partition("each with")
    seen = task_view(specimen_tasks("web")[0])
    assert re.findall(r"`(\w+)`", own) == list(seen)
    assert re.findall(r"`(\w+)`", of_port) == list(seen["ports"][0])
    assert f"2 to {LONGEST_NAME} lower case letters" in PAGE


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_templates_of_the_how_to_can_be_used(text: str) -> None:
    """Each makes a pool of applications."""
    trial = tried("web", text)
    assert trial.remarks == ()
    assert trial.pool is not None
    assert trial.pool.haproxy.frontends


def test_the_templates_of_the_how_to_do_what_it_says() -> None:
    """One after the other."""
    pools = [tried("web", text).pool for text in EXAMPLES]
    team, _policy, ports, frontends, whole = (pool for pool in pools if pool is not None)
    assert (team.role, [one.field for one in team.placement]) == ("team-a", ["hostname", "rack"])
    assert (ports.ports, ports.haproxy.stats.bind_port) == ((80, 443, 9090), 9090)
    assert [one.tls.policy for one in frontends.haproxy.frontends] == [TlsPolicy.INTERMEDIATE, TlsPolicy.MODERN]
    assert [one.timeouts.server for one in frontends.haproxy.backends] == [120, 120]
    assert [one.name for one in whole.haproxy.backends] == ["_shop", "_web"]
