"""docs/reference/metrics.md against HAProxy's own exporter."""

import re
from pathlib import Path

import pytest

from tests.support.balancer import Haproxy
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "metrics.md").read_text()


def test_every_metric_of_a_load_balancer_is_on_the_page(tmp_path: Path) -> None:
    """Of a pool with a frontend, a backend and a server; a newer HAProxy may have more."""
    made = Haproxy(tmp_path, pool("shop", frontend("web", "app"), backend("app")))
    try:
        text = made.get("stats", "/metrics")[1]
    finally:
        made.stop()
    sections = re.findall(r"^### `(haproxy_[a-z]+_)`\n\n((?:.+\n)+)", PAGE, re.MULTILINE)
    listed = {prefix + name for prefix, names in sections for name in re.findall(r"`([a-z_]+)`", names)}
    assert listed == set(re.findall(r"^# TYPE (haproxy_[a-z_]+) ", text, re.MULTILINE))
