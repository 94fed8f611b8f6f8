"""Every file of the repository stands alone and says what it is."""

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")
# Outside of the repository there are places that nobody else has.
FOREIGN = re.compile(
    r"\.\./shared|/work/|/root/|/home/(?!\w*\.)|pypi\.org|pythonhosted|\bissues show\b|\bsub-?agents?\b|\bbrief\.md\b",
    re.IGNORECASE,
)


def files() -> list[Path]:
    """All files that are kept in git; those of the tree where there is no git."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        found = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        hidden = re.compile(r"(^|/)(\.(?!ci/|gitignore)[^/]+|__pycache__|build|dist)(/|$)")
        found = [path for path in ROOT.rglob("*") if not hidden.search(str(path.relative_to(ROOT)))]
    return [path for path in found if path.is_file()]


FILES = files()
MODULES = [path for path in FILES if path.suffix == ".py" and not GENERATED.search(path.name)]


def test_the_repository_is_found() -> None:
    """The tests below look at something."""
    assert len(MODULES) > 200


def test_no_file_mentions_a_place_that_others_do_not_have() -> None:
    """Folders of one machine, package indexes, and whatever surrounded the work on this project."""
    found = []
    for path in FILES:
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if match := FOREIGN.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert found == []


def test_every_module_says_what_it_knows() -> None:
    """In its docstring; empty files that only make a folder a package have none."""
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_bytes()))
    ]
    assert silent == []


def undescribed(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Public classes and functions without a docstring, and methods of public classes."""
    for item in body:
        if isinstance(item, ast.FunctionDef | ast.ClassDef) and not item.name.startswith("_"):
            if not ast.get_docstring(item):
                yield item
            if isinstance(item, ast.ClassDef):
                yield from undescribed(item.body)


def test_every_public_class_and_function_of_the_sdk_is_described() -> None:
    """Docstrings are its reference."""
    silent = [
        f"{path.relative_to(ROOT)}:{item.lineno}: {item.name}"
        for path in MODULES
        if path.relative_to(ROOT).parts[0] == "sdk"
        for item in undescribed(ast.parse(path.read_bytes()).body)
    ]
    assert silent == []


@pytest.mark.parametrize("script", ["bin/up", "bin/down", "bin/test", "bin/setup", ".ci/run"])
def test_scripts_can_be_run(script: str) -> None:
    """They are executable and a POSIX shell reads them."""
    assert os.access(ROOT / script, os.X_OK)
    assert (ROOT / script).read_text().startswith("#!/bin/sh\n")
    checked = subprocess.run(["sh", "-n", str(ROOT / script)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_help_of_bin_up_has_all_its_options_and_installs_nothing(tmp_path: Path) -> None:
    """Also in a checkout where nothing has been installed yet."""
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    for checkout in (ROOT, tmp_path):
        shown = subprocess.run([checkout / "bin" / "up", "--help"], capture_output=True, text=True, check=True).stdout
        assert {"--detach", "--fresh", "--base-port", "--masters", "--directory", "--no-apt"} <= set(
            re.findall(r"--[a-z-]+", shown)
        )
        assert shown.count("Install no system packages") == 1
    assert [item.name for item in tmp_path.iterdir()] == ["bin"]


def test_continuous_integration_runs_what_the_readme_tells_people_to_run() -> None:
    """And nothing else."""
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "exec bin/test"]


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    """In the form of Keep a Changelog."""
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "\n## [Unreleased]\n" in text
    sections = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
