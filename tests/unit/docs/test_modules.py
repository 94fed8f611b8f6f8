"""Commands of pages that run a module: it exists, and has the options that the page gives it."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.console import commands_in

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *(path for name in ("docs", "examples") for path in sorted((ROOT / name).rglob("*.md")))]


def modules(page: Path) -> Iterator[tuple[str, list[str]]]:
    """(module, its arguments) of each `python -m` of ours."""
    for _, text in commands_in(page.read_text()):
        words = shlex.split(text.splitlines()[0])
        if "-m" in words[:3] and Path(words[0]).name in ("python", "python3"):
            at = words.index("-m")
            if words[at + 1].split(".")[0] in ("sdk", "examples", "api", "tests"):
                yield words[at + 1], words[at + 2 :]


@cache
def help_of(module: str) -> str:
    """What `--help` says."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


CALLS = [(page, module, options) for page in PAGES for module, options in modules(page)]


@pytest.mark.parametrize(("page", "module", "options"), CALLS, ids=lambda each: getattr(each, "stem", None))
def test_modules_are_run_with_options_that_they_have(page: Path, module: str, options: list[str]) -> None:
    """Also where no test runs the command."""
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", help_of(module)))
    assert {option for option in options if option.startswith("--")} <= known, page.name


def test_there_are_such_commands() -> None:
    """An empty list would fail nothing."""
    assert {module for _, module, _ in CALLS} >= {
        "sdk.local.cluster",
        "sdk.local.master",
        "sdk.local.agent",
        "examples.pymesos_framework",
    }
