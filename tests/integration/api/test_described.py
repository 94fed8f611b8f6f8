"""The API's description, believed by somebody else: requests that it allows meet no unexpected error, and answers are
what it says.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from api.client.client import ApiClient
from tests.support.pools import minimal

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CONFIG = Path(__file__).parent / "schemathesis.toml"


def test_answers_are_what_the_description_says(server: str, tmp_path: Path) -> None:
    """Whoever makes a client of it can rely on it. A process of its own: Schemathesis changes how others draw."""
    ApiClient(server).create(minimal())
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run", f"{server}/openapi.json"],
        capture_output=True,
        cwd=tmp_path,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()[-8000:] + done.stderr.decode()[-2000:]
