"""Marks by folder, so that no test on real parts is taken for a pure one."""

from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/integration and tests/e2e has the mark of its folder."""
    for item in items:
        folder = item.path.relative_to(_HERE).parts[0]
        if folder in ("integration", "e2e"):
            item.add_marker(folder)
