"""docs/reference/pool-v1.md against the schema: every field that version 1 has in another way, and its default."""

import json
import re
from pathlib import Path

from scheduler.pools.schema import PoolSchema
from scheduler.pools.v1.schema import V1PoolSchema, dump_v1_pool, load_v1_config, load_v1_pool
from tests.unit.docs.test_pool_page import leaves, rows, value_at

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "pool-v1.md").read_text()
ROWS = rows(PAGE, "| field | default | meaning |")
SAMPLE = {
    "name": "sample",
    "haproxy": {"frontends": [{}], "backends": [{"name": "b", "servers": [{"task": {"value": "t"}}]}]},
}
#: They are in both versions and mean something else in each.
DIFFERENT = {"apiVersion", "haproxy.frontends[].bindPort", "haproxy.backends[].servers[].type"}


def test_the_page_lists_exactly_the_fields_that_version_2_has_not() -> None:
    """Those that are refused there are refused here, too; what the endpoint has there stands in the server here."""
    version_2 = {path for path, _, _ in leaves(PoolSchema())}
    here = {path for path, _, refused in leaves(V1PoolSchema()) if not refused}
    alike = {path for path in here if path.replace(".servers[].", ".services[].endpoint.") in version_2}
    assert set(ROWS) == (here - alike) | DIFFERENT


def test_the_defaults_on_the_page_are_those_of_an_empty_server() -> None:
    """A pool that gives only what is required is shown with these values."""
    shown = dump_v1_pool(load_v1_pool(SAMPLE))
    for path, (default, _) in ROWS.items():
        value = value_at(shown, path)
        if value_at(SAMPLE, path) in (None, "") and default == "none":
            assert value in (None, ""), path
        elif default != "none":
            assert json.loads(default.strip("`")) == value, path


def test_the_pools_of_the_page_load() -> None:
    """The example is a file of the first releases."""
    [example] = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert [pool.name for pool in load_v1_config(json.loads(example))] == ["web"]
