"""bin/test: which checks it runs, what becomes of those that fail, and that none outlives it. Checks are doubles."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.wait import wait_until
from tests.unit.bin.checkout import ROOT

CHECKS = ["collect", "compileall", "format", "lint", "lint-imports", "mypy", "pure", "real"]
# What is told to be bad fails, once or always; what is told to wait waits until it is ended.
PROGRAM = """#!/bin/sh
case "$0 $*" in
    *"/ruff check"*) name=lint ;;
    *"/ruff format"*) name=format ;;
    *" -m compileall"*) name=compileall ;;
    *" -m pytest"*--collect-only*) name=collect ;;
    *cache_dir=.local/pure*--last-failed*) name=pure-again ;;
    *cache_dir=.local/real*--last-failed*) name=real-again ;;
    *cache_dir=.local/pure*) name=pure ;;
    *cache_dir=.local/real*) name=real ;;
    *" -m pytest"*) name=given ;;
    *) name=${0##*/} ;;
esac
echo "$name ${PYTHONDONTWRITEBYTECODE-kept} $*" >>"$CALLS"
echo "output of $name"
case " $WAITING " in *" $name "*) echo $$ >"$CALLS.$name"; exec sleep 600 ;; esac
failures=.local/${name%-again}/v/cache/lastfailed
case " $BAD " in *" $name "*) bad=yes ;; *) bad=no ;; esac
case "$name $bad $FAILURES" in
    *"-again no "*) [ $SKIPS = yes ] || rm -f "$failures" ;;
    "pure yes "?* | "real yes "?*)
        mkdir -p "${failures%/*}"
        printf '{\\n%s\\n}\\n' "$FAILURES" >"$failures" ;;
esac
[ $bad = no ] || exit $CODE
"""


ONE = '  "tests/test_a.py::test_b[c \\"d\\"]": true'
"""What pytest remembers of one test that failed."""


@contextmanager
def heard(number: signal.Signals) -> Iterator[None]:
    """What is started in this block does not ignore the signal."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


class Checkout:
    """A folder with bin/test and doubles of what it runs."""

    def __init__(self, path: Path) -> None:
        self.path, self.calls = path, path / "calls"
        for name in ("bin", ".venv/bin", ".local"):
            (path / name).mkdir(parents=True)
        shutil.copy(ROOT / "bin" / "test", path / "bin")
        for program in ("bin/setup", *(f".venv/bin/{name}" for name in ("python", "ruff", "mypy", "lint-imports"))):
            (path / program).write_text(PROGRAM if ".venv" in program else "#!/bin/sh\n")
            (path / program).chmod(0o755)

    def start(self, *arguments: str, bad: str = "", waiting: str = "", **more: str) -> "subprocess.Popen[str]":
        """Run it, with those of its checks that fail and that do not end; what fails says `more` of how."""
        self.calls.write_text("")
        environment = {"CALLS": str(self.calls), "BAD": bad, "WAITING": waiting, "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"CODE": "1", "FAILURES": ONE, "SKIPS": "no"} | more
        # Whoever started these tests in the background of a shell has it ignored, and so would what they start.
        with heard(signal.SIGINT):
            return subprocess.Popen(
                [self.path / "bin" / "test", *arguments],
                env={"PATH": os.environ["PATH"], **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def run(self, *arguments: str, bad: str = "", **more: str) -> tuple[int, str, list[str]]:
        """The same to its end: exit code, what it said, and which checks ran."""
        process = self.start(*arguments, bad=bad, **more)
        try:
            said, _ = process.communicate(timeout=60)
        finally:
            process.kill()
        return process.returncode, said, sorted(line.split()[0] for line in self.calls.read_text().splitlines())


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_all_checks_run_once_and_their_output_is_shown(checkout: Checkout, quick: tuple[str, ...]) -> None:
    """That of what ran beside the others in one piece, behind theirs; bytecode is kept."""
    code, said, ran = checkout.run(*quick)
    assert (code, ran) == (0, CHECKS)
    assert said.rstrip().endswith("All checks passed.")
    shown = [line.removeprefix("output of ") for line in said.splitlines() if line.startswith("output of ")]
    assert shown[1:] == ["lint", "format", "lint-imports", "real", "pure", "mypy"]
    assert " 1 " not in checkout.calls.read_text()


def test_the_asserts_of_a_checkout_are_translated_once(checkout: Checkout) -> None:
    """Before the tests, where no run has done it."""
    cached = checkout.path / "tests" / "__pycache__" / "conftest.cpython-311-pytest-9.0.0.pyc"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert checkout.run()[2] == [name for name in CHECKS if name != "collect"]


@pytest.mark.parametrize("quick", [(), ("--quick",)])
@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ("lint", "ruff (lint)"),
        ("pure pure-again", "pure tests that failed, once more, with nothing beside them"),
        ("real real-again", "real tests that failed, once more, with nothing beside them"),
        ("format mypy", "ruff (format), mypy (strict)"),
    ],
)
def test_what_fails_is_named_and_holds_up_no_other(
    checkout: Checkout, bad: str, named: str, quick: tuple[str, ...]
) -> None:
    """Whoever reads the end knows all that is to be mended."""
    code, said, ran = checkout.run(*quick, bad=bad)
    assert code == 1
    assert said.rstrip().endswith(f"FAILED: {named}")
    assert set(ran) >= set(CHECKS)


@pytest.mark.parametrize("bad", ["pure", "real"])
@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_what_failed_beside_the_others_may_pass_alone(checkout: Checkout, bad: str, quick: tuple[str, ...]) -> None:
    """It is run once more by itself, and named at the end: it is to be mended."""
    code, said, ran = checkout.run(*quick, bad=bad)
    assert (code, ran) == (0, sorted([*CHECKS, f"{bad}-again"]))
    assert said.index(f"of {bad}\n") < said.index("of mypy\n") < said.index(f"of {bad}-again\n")
    _, named, end = said.partition("These failed beside others:\n")
    assert named
    assert end.splitlines()[0].startswith("tests/test_a.py::test_b[c ")


@pytest.mark.parametrize(("bad", "step"), [("pure", "pure tests"), ("real", "tests on real parts")])
@pytest.mark.parametrize(
    ("code", "failures"),
    [
        ("2", ONE),
        ("3", ONE),
        ("137", ONE),
        ("1", ""),
        ("1", f'{ONE},\n  "tests/test_c.py": true'),
    ],
    ids=["interrupted", "internal error", "killed", "no pytest at all", "a file that cannot be read"],
)
def test_a_run_that_broke_off_fails(checkout: Checkout, bad: str, step: str, code: str, failures: str) -> None:
    """Whatever passes when it is tried again: others have not run. What an earlier run remembers counts for nothing."""
    cache = checkout.path / ".local" / bad / "v" / "cache"
    cache.mkdir(parents=True)
    (cache / "lastfailed").write_text(f"{{\n{ONE}\n}}\n")
    found, said, ran = checkout.run(bad=bad, CODE=code, FAILURES=failures)
    assert (found, ran) == (1, CHECKS)
    assert said.rstrip().endswith(f"FAILED: {step}")


@pytest.mark.parametrize("bad", ["pure", "real"])
def test_a_test_that_failed_and_is_not_found_again_fails(checkout: Checkout, bad: str) -> None:
    """Others that failed may pass, and pytest be content with them."""
    code, said, _ = checkout.run(bad=bad, SKIPS="yes")
    assert code == 1
    assert said.rstrip().endswith(f"FAILED: {bad} tests that failed, once more, with nothing beside them")


def test_arguments_go_to_pytest_alone(checkout: Checkout) -> None:
    """Nothing else runs, and the exit code is pytest's."""
    assert checkout.run("tests/unit", "-k", "pools", bad="given")[::2] == (1, ["given"])
    assert "tests/unit -k pools" in checkout.calls.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_leaves_nothing_running(checkout: Checkout, number: signal.Signals) -> None:
    """What runs beside the others is no child that a terminal's interrupt reaches."""
    names = ("real", "pure", "mypy")
    process = checkout.start(waiting=" ".join(names))
    files = [checkout.calls.with_name(f"calls.{name}") for name in names]
    wait_until(lambda: all(one.exists() and one.read_text() for one in files), what="all to run")
    foreground, *beside = (int(one.read_text()) for one in files)
    # As a terminal does it: the signal goes to what runs in the foreground as well.
    os.kill(foreground, number)
    process.send_signal(number)
    try:
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in beside), what="the end of what ran beside")
