"""The tutorial for framework authors shows the examples as they are."""

import re
import textwrap
from pathlib import Path

from examples.minimal import SERVICE, Minimal
from sdk.door.accept import accept

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "tutorial" / "first-framework.md").read_text()


def test_every_piece_of_python_on_the_page_stands_in_an_example() -> None:
    """Indented there as it may be."""
    examples = [textwrap.dedent(path.read_text()) for path in (ROOT / "examples").glob("*.py")]
    everything = "\n".join(line.strip() for text in examples for line in text.splitlines())
    pieces = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(pieces) >= 3
    for piece in pieces:
        assert "\n".join(line.strip() for line in piece.splitlines()) in everything, piece


def test_the_smallest_framework_has_thirty_lines_at_most() -> None:
    """As the page says."""
    assert len((ROOT / "examples" / "minimal.py").read_text().splitlines()) <= 30
    assert list(Minimal().blueprints(None)) == []  # type: ignore[arg-type]
    accept(SERVICE)
