"""Pool files in JSON and YAML: what is ambiguous is refused with its place, what is only unusual is read."""

from pathlib import Path

import pytest

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.pool_file import read_pool
from sdk.errors import InvalidSpec
from sdk.frameworks import load_frameworks

TWICE = """\
name: twice
haproxy:
  backends:
  - name: first
    services:
    - marathon: {serviceID: /first}
  frontends:
  - bindPort: 0
    protocol: HTTP
  backends:
  - name: second
"""


def test_a_key_that_stands_twice_in_yaml_is_refused_with_its_place(tmp_path: Path) -> None:
    """YAML's reader keeps the last one: the first list of backends was lost without a word."""
    path = tmp_path / "twice.yaml"
    path.write_text(TWICE)
    with pytest.raises(Failure, match=r"backends stands twice in one object, the .* line 10, column 3") as caught:
        read_pool(str(path))
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("text", ["[{a: 1, a: 1}]", "a: {b: {c: 1, c: 2}}", "a:\n- {b: 1, b: 2}", "'a': 1\na: 2"])
def test_it_is_refused_however_deep_it_stands_and_however_it_is_written(tmp_path: Path, text: str) -> None:
    """In block and flow style."""
    path = tmp_path / "twice.yaml"
    path.write_text(text)
    with pytest.raises(Failure, match="stands twice in one object"):
        read_pool(str(path))


def test_a_merged_key_may_be_overridden_as_yaml_means_it(tmp_path: Path) -> None:
    """`<<` brings defaults; a key of the mapping itself replaces one of them, at every depth."""
    path = tmp_path / "merged.yaml"
    path.write_text("x:\n  base: &base {a: 1, b: 1}\n  more: &more {<<: *base, b: 2}\ny: {<<: *more, a: 3}\nz: *more\n")
    assert read_pool(str(path)) == {
        "x": {"base": {"a": 1, "b": 1}, "more": {"a": 1, "b": 2}},
        "y": {"a": 3, "b": 2},
        "z": {"a": 1, "b": 2},
    }


def test_the_same_holds_for_the_file_of_frameworks(tmp_path: Path) -> None:
    """It is the other file that people write."""
    path = tmp_path / "frameworks.json"
    path.write_text('{"frameworks": [], "frameworks": []}')
    with pytest.raises(InvalidSpec, match="frameworks stands twice in one object"):
        load_frameworks(path)
