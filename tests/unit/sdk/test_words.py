"""The SDK is for any framework: it knows nothing of what this repository builds with it."""

import re
from pathlib import Path

SDK = Path(__file__).parents[3] / "sdk"
# `pool` alone is innocent (a connection pool); what it would mean here is not.
WORDS = re.compile(
    r"haproxy|load.?balanc|edge.?lb|lbmgr|dcos.?template|frontends?\b|backends?\b|auto.?pool", re.IGNORECASE
)


def test_the_sdk_never_speaks_of_load_balancing() -> None:
    """No source file below sdk/ holds a word of the product."""
    found = [
        f"{path.relative_to(SDK.parent)}:{number}: {line.strip()}"
        for path in sorted(SDK.rglob("*"))
        if path.suffix in (".py", ".j2", ".html", ".json") and "__pycache__" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if WORDS.search(line)
    ]
    assert found == []
