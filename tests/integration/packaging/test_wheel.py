"""The wheels: what is in them, and that they work where there is no source tree."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("api", "examples", "pool_executor", "scheduler", "sdk", "templates")


def run(*command: str, cwd: Path, environment: dict[str, str] | None = None) -> str:
    """The output of a command that has to succeed; its errors are in the message otherwise."""
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both wheels, made as docs/how-to/install.md says, but offline."""
    folder = tmp_path_factory.mktemp("dist")
    # The build backend is taken from this environment, so that no package index is asked.
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet")
    pip = (sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder))
    run(*pip, "./compat/http-parser", ".", cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel is unpacked as pip would; everything else comes from this environment."""
    folder = tmp_path_factory.mktemp("site")
    options = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
    pip = (sys.executable, "-m", "pip", "install", *options, "--target", str(folder))
    run(*pip, *(str(path) for path in wheels.glob("*.whl")), cwd=folder)
    return folder


def names(wheels: Path) -> set[str]:
    """Names of the files in our wheel."""
    [wheel] = wheels.glob("edge_lb-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_every_file_of_the_packages_that_git_has(wheels: Path) -> None:
    """Templates, pages, the .proto and the examples as well as the code."""
    tracked = run("git", "ls-files", "--", *PACKAGES, cwd=ROOT).split()
    assert set(tracked) - names(wheels) == set()
    for needed in ("templates/haproxy/global.cfg.j2", "templates/marathon/app.json.j2", "sdk/local/page.html"):
        assert needed in names(wheels)


def test_the_wheel_has_the_default_frameworks_and_the_licence(wheels: Path) -> None:
    """frameworks.json moves into the package that reads it."""
    assert "scheduler/frameworks.json" in names(wheels)
    assert [name for name in names(wheels) if name.endswith("licenses/LICENSE")]
    [wheel] = wheels.glob("edge_lb-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("scheduler/frameworks.json") == (ROOT / "frameworks.json").read_bytes()


def test_the_wheel_has_nothing_else(wheels: Path) -> None:
    """No tests, no benchmarks, no leftovers of a build."""
    folders = {name.split("/")[0] for name in names(wheels)}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in names(wheels) if "__pycache__" in name or name.endswith(".pyc")]


def outside(installed: Path) -> dict[str, str]:
    """An environment in which Python finds the unpacked wheel before the source tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGELB_")}
    return {**kept, "PYTHONPATH": str(installed)}


def test_the_command_works_from_any_directory(installed: Path, tmp_path: Path) -> None:
    """`--help` of everything, without the source tree."""
    program = str(installed / "bin" / "edgelb")
    environment = outside(installed)
    text = run(sys.executable, program, "--help", cwd=tmp_path, environment=environment)
    assert "marathon-app" in text
    where = "import api, scheduler; print(api.__file__); print(scheduler.__file__)"
    for line in run(sys.executable, "-c", where, cwd=tmp_path, environment=environment).splitlines():
        assert line.startswith(str(installed))


def test_the_marathon_app_comes_from_the_packaged_frameworks(installed: Path, tmp_path: Path) -> None:
    """As on an agent that has nothing but the package."""
    program = str(installed / "bin" / "edgelb")
    text = run(sys.executable, program, "marathon-app", cwd=tmp_path, environment=outside(installed))
    assert json.loads(text)["cmd"].endswith("exec edgelb serve")


def test_the_executor_that_the_wheel_serves_is_the_one_of_the_source_tree(installed: Path, tmp_path: Path) -> None:
    """The artifact is made from the packages' own files, byte for byte the same wherever they are installed."""
    code = "from pool_executor.artifact import build; print(build().sha256, build().identity)"
    from_wheel = run(sys.executable, "-c", code, cwd=tmp_path, environment=outside(installed))
    assert from_wheel == run(sys.executable, "-c", code, cwd=ROOT)
