"""docs/explanation/promises.md against the tests: each promise is followed by tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "promises.md"


@cache
def functions(path: Path) -> frozenset[str]:
    """Names of the tests in a file."""
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


def promises() -> list[tuple[str, list[tuple[str, str]]]]:
    """Each sentence with the texts and targets of the links below it."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    # What was wrapped is one line again.
    text = re.sub(r"\n +(?![-\s])", " ", PAGE.read_text())
    for line in text.splitlines():
        if line.startswith("- "):
            found.append((line[2:], []))
        elif line.startswith("  - "):
            found[-1][1].extend(re.findall(r"\[([^\]]+)\]\(([^)]+)\)", line))
    return found


@pytest.mark.parametrize(("promise", "proofs"), promises(), ids=[sentence[:60] for sentence, _ in promises()])
def test_each_promise_has_its_tests(promise: str, proofs: list[tuple[str, str]]) -> None:
    """Whoever renames or removes one of them meets this."""
    assert proofs, promise
    for text, target in proofs:
        path = (PAGE.parent / target).resolve()
        name = f"test_{text.replace(' ', '_')}"
        assert path.is_file(), f"{target} is gone; what proves now: {promise}"
        assert name in functions(path), f"{target} has no {name}; what proves now: {promise}"


def test_the_page_promises_something() -> None:
    """The form of the page is the one that is read here."""
    assert len(promises()) > 25
