"""tests/support/behaviours.py against the tests: what is promised is proved by tests that exist."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.support.behaviours import BEHAVIOURS, INSTANCES, LISTENING, LIVING, SERVING, THE_API

TESTS = Path(__file__).parents[2]


@cache
def functions(path: str) -> frozenset[str]:
    """Names of the tests of a file, in classes, too."""
    tree = ast.parse((TESTS / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("behaviour", "proofs"), BEHAVIOURS.items(), ids=list(BEHAVIOURS))
def test_each_behaviour_has_its_tests(behaviour: str, proofs: tuple[str, ...]) -> None:
    """Whoever renames or removes one of them meets this."""
    assert proofs, behaviour
    for proof in proofs:
        path, name = proof.split("::")
        assert name.startswith("test_")
        assert (TESTS / path).is_file(), f"{path} is gone; what proves now that {behaviour}?"
        assert name in functions(path), f"{path} has no {name}; what proves now that {behaviour}?"


def test_no_behaviour_stands_twice() -> None:
    """A second one would take the place of the first."""
    assert len(BEHAVIOURS) == sum(map(len, (THE_API, INSTANCES, LISTENING, SERVING, LIVING)))
