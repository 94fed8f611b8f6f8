"""bin/setup: what it installs, and when it leaves things alone. Programs and pip are doubles on the PATH."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "bin" / "setup"
INPUTS = (
    "pyproject.toml",
    "requirements.txt",
    "constraints.txt",
    "compat/http-parser/pyproject.toml",
    "compat/http-parser/http_parser/__init__.py",
    "frameworks.json",
)

PYTHON = f"""#!/bin/sh
case "$*" in
    "-m venv "*)
        echo "$*" >>"$CALLS"
        mkdir -p .venv/bin && cp "$0" .venv/bin/python
        printf 'home = x\\ncommand = %s -m venv %s\\n' "$0" "$(pwd -P)/.venv" >.venv/pyvenv.cfg ;;
    "-m pip "*) echo "pip $*" >>"$CALLS" ;;
    *) exec {sys.executable} "$@" ;;
esac
"""


class Checkout:
    """A folder with what bin/setup reads, whose path has a space."""

    def __init__(self, root: Path) -> None:
        self.path = root / "a checkout"
        self.calls = root / "calls"
        self.programs = root / "programs"
        (self.path / "bin").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copy(SCRIPT, self.path / "bin" / "setup")
        for name in INPUTS:
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(name)
        for name in ("haproxy", "java", "openssl", "ps", "curl"):
            self.program(name, "#!/bin/sh\n")
        self.program("python3", PYTHON)

    def program(self, name: str, text: str) -> None:
        """Put a program on the PATH."""
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def setup(self, *arguments: str, path: str = "/usr/bin:/bin", **environment: str) -> tuple[int, str, list[str]]:
        """Run it: exit code, what it said, what was called since the last time."""
        self.calls.write_text("")
        done = subprocess.run(
            [self.path / "bin" / "setup", *arguments],
            env={"PATH": f"{self.programs}:{path}", "CALLS": str(self.calls), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, self.calls.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_second_run_does_nothing(checkout: Checkout) -> None:
    """The environment is made once; what is installed for development serves for running, too."""
    code, said, calls = checkout.setup("--no-apt", "--dev")
    assert code == 0, said
    assert calls[0] == "-m venv --clear .venv"
    assert sum("pip install" in call for call in calls) == 3
    assert checkout.setup("--no-apt") == (0, "", [])


def test_changed_dependencies_are_installed_into_the_same_environment(checkout: Checkout) -> None:
    """No new environment is made for that."""
    checkout.setup("--no-apt")
    (checkout.path / "requirements.txt").write_text("more")
    code, said, calls = checkout.setup("--no-apt")
    assert code == 0, said
    assert calls
    assert not any("venv" in call for call in calls)


def test_a_moved_checkout_gets_an_environment_of_its_own(checkout: Checkout) -> None:
    """The old one would run the code of the old place."""
    checkout.setup("--no-apt")
    checkout.path = checkout.path.rename(checkout.path.with_name("moved"))
    assert checkout.setup("--no-apt")[2][0] == "-m venv --clear .venv"
    assert checkout.setup("--no-apt")[2] == []


def test_a_half_made_environment_is_made_anew(checkout: Checkout) -> None:
    """Its interpreter is not there yet, or was removed with a system upgrade."""
    checkout.setup("--no-apt")
    (checkout.path / ".venv" / "bin" / "python").unlink()
    assert checkout.setup("--no-apt")[2][0] == "-m venv --clear .venv"


def test_an_environment_of_a_chosen_python_is_kept_when_none_is_chosen(checkout: Checkout) -> None:
    """EDGELB_PYTHON is given once; a python3 that is too old for us does not matter then."""
    checkout.program("python9", PYTHON)
    old = "#!/bin/sh\necho 3.9\n"
    checkout.program("python3", old)
    code, said, _ = checkout.setup("--no-apt")
    assert code == 3
    assert "python3 is too old or too new" in said
    assert checkout.setup("--no-apt", EDGELB_PYTHON="python9")[0] == 0
    assert checkout.setup("--no-apt") == (0, "", [])
    code, said, _ = checkout.setup("--no-apt", EDGELB_PYTHON="python-that-is-not-there")
    assert code == 3
    assert "There is no python-that-is-not-there" in said


def test_what_only_roots_path_shows_is_found(checkout: Checkout) -> None:
    """An ordinary user has HAProxy in /usr/sbin, which is not on the PATH that Debian gives him."""
    (checkout.programs / "haproxy").unlink()
    code, said, _ = checkout.setup("--no-apt", path="/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games")
    assert code == 0, said


def test_missing_packages_are_named_with_what_to_do(checkout: Checkout, tmp_path: Path) -> None:
    """With --no-apt, and without root and sudo; nothing is installed then."""
    checkout.program("haproxy", "#!/bin/sh\nexit 1\n")
    code, said, calls = checkout.setup("--no-apt")
    assert (code, calls) == (3, [])
    assert "Missing system packages: haproxy" in said

    checkout.program("id", "#!/bin/sh\necho 1000\n")
    only = tmp_path / "only"
    only.mkdir()
    for name in ("dirname", "cat", "sed", "mkdir", "flock", "sh", "env", "test", "grep", "cp"):
        found = shutil.which(name, path=os.defpath)
        assert found, name
        (only / name).symlink_to(found)
    code, said, _ = checkout.setup(path=str(only))
    assert code == 3
    assert "I am not root and there is no sudo" in said
