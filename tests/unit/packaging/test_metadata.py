"""What pyproject.toml, constraints.txt and requirements.txt say, held against each other and what is installed."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from scheduler.config import default_frameworks

ROOT = Path(__file__).parents[3]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PARSER: dict[str, Any] = tomllib.loads((ROOT / "compat" / "http-parser" / "pyproject.toml").read_text())
CONSTRAINTS = (ROOT / "constraints.txt").read_text()
PINS: dict[NormalizedName, str] = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", CONSTRAINTS, re.MULTILINE)
}
TOP_LEVEL = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def asked_for() -> Iterator[Requirement]:
    """Everything that pyproject.toml asks for: dependencies, extras and groups."""
    project = PROJECT["project"]
    groups = [entry for group in PROJECT["dependency-groups"].values() for entry in group if isinstance(entry, str)]
    extras = [entry for extra in project["optional-dependencies"].values() for entry in extra]
    yield from (Requirement(entry) for entry in (*project["dependencies"], *extras, *groups))


def needed(requirements: Iterator[Requirement]) -> dict[NormalizedName, set[Requirement]]:
    """Everything that these bring with them into this environment, by name, with who asks what of it."""
    found: dict[NormalizedName, set[Requirement]] = {}
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement in found.setdefault(name, set()):
            continue
        found[name].add(requirement)
        try:
            below = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        for entry in map(Requirement, below):
            extras = requirement.extras or {""}
            if entry.marker is None or any(entry.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(entry)
    return found


def test_every_package_that_is_needed_is_pinned_to_a_version_that_all_accept() -> None:
    """constraints.txt names each package of the whole tree exactly once, with a version that everybody asks for."""
    lines = [line for line in CONSTRAINTS.splitlines() if not line.startswith("#")]
    assert len(lines) == len(PINS)
    for name, requirements in needed(asked_for()).items():
        assert name in PINS, f"{name} is not in constraints.txt"
        for requirement in requirements:
            assert requirement.specifier.contains(PINS[name], prereleases=True), f"{requirement} but {PINS[name]}"


def test_constraints_name_nothing_that_nobody_needs() -> None:
    """What is left over from a dependency that went away goes away, too."""
    extra = {
        canonicalize_name(name) for name in re.findall(r"^(\S+)==", CONSTRAINTS.split("# What only")[1], re.MULTILINE)
    }
    tree = set(needed(asked_for()))
    # Where boto3 is not installed, it cannot tell what it brings.
    assert set(PINS) - tree <= extra
    assert "boto3" in extra & tree


def test_constraints_and_requirements_name_no_place_to_fetch_from() -> None:
    """Where packages come from is the business of whoever installs them."""
    for name in ("constraints.txt", "requirements.txt", "pyproject.toml", "compat/http-parser/pyproject.toml"):
        text = (ROOT / name).read_text()
        assert "://" not in text, name
        assert not re.search(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links)\b", text, re.MULTILINE), name


def test_the_stand_in_for_http_parser_has_the_version_that_is_asked_for() -> None:
    """A local version, so that no package index can have it."""
    version = PARSER["project"]["version"]
    assert "+" in version
    assert PINS[canonicalize_name("http-parser")] == version
    assert f"http-parser=={version}" in PROJECT["project"]["dependencies"]


def test_the_versions_of_python_agree_everywhere() -> None:
    """requires-python, the classifiers, and what ruff and mypy are told."""
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    versions = [f"3.{minor}" for minor in range(8, 20) if f"3.{minor}" in supported]
    listed = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert listed == versions
    assert PROJECT["tool"]["mypy"]["python_version"] == versions[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + versions[0].replace(".", "")


def test_no_other_distribution_ships_our_top_level_names() -> None:
    """Their names are plain words; in an environment of its own nothing may shadow them."""
    installed = importlib.metadata.packages_distributions()
    assert {name: others for name in TOP_LEVEL if (others := set(installed.get(name, [])) - {"edge-lb"})} == {}


def test_every_top_level_package_is_shipped_and_known_to_the_import_contracts() -> None:
    """A folder with code at the top of the repository is either shipped or named here."""
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - {"tests", "benchmarks"} == TOP_LEVEL
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == TOP_LEVEL


def test_the_frameworks_that_are_run_by_default_are_those_of_the_repository() -> None:
    """The packaged file is a copy that is made when the wheel is built."""
    assert default_frameworks().read_bytes() == (ROOT / "frameworks.json").read_bytes()
