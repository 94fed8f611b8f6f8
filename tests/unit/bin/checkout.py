"""A folder with what the commands in bin/ read, whose path has a space. Programs and pip are doubles on the PATH."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
INPUTS = (
    "pyproject.toml",
    "requirements.txt",
    "constraints.txt",
    "compat/http-parser/pyproject.toml",
    "compat/http-parser/http_parser/__init__.py",
    "frameworks.json",
)

COMMANDS = ("setup", "up", "down", "options.sh")
DEBIAN_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
"""What a user gets whom `adduser` made."""

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
        for name in COMMANDS:
            shutil.copy(ROOT / "bin" / name, self.path / "bin" / name)
        for name in INPUTS:
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(name)
        for name in ("haproxy", "java", "openssl", "ps", "curl", "chromium"):
            self.program(name, "#!/bin/sh\n")
        self.program("python3", PYTHON)

    def program(self, name: str, text: str) -> None:
        """Put a program on the PATH."""
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def setup(self, *arguments: str, path: str = "/usr/bin:/bin", **environment: str) -> tuple[int, str, list[str]]:
        """Run bin/setup: exit code, what it said, what was called since the last time."""
        return self.run("setup", *arguments, path=path, **environment)

    def run(
        self, command: str, *arguments: str, path: str = "/usr/bin:/bin", **environment: str
    ) -> tuple[int, str, list[str]]:
        """The same of any of them."""
        self.calls.write_text("")
        done = subprocess.run(
            [self.path / "bin" / command, *arguments],
            env={"PATH": f"{self.programs}:{path}", "CALLS": str(self.calls), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, self.calls.read_text().splitlines()

    def start(self, command: str) -> "subprocess.Popen[bytes]":
        """Run one of them in the background; `said` is what it has said so far."""
        self.calls.write_text("")
        with (self.calls.parent / "said").open("wb") as said:
            return subprocess.Popen(
                [self.path / "bin" / command],
                env={"PATH": f"{self.programs}:/usr/bin:/bin", "CALLS": str(self.calls)},
                stdout=said,
                stderr=said,
            )

    def said(self) -> str:
        """What was started last has said so far."""
        return (self.calls.parent / "said").read_text()
