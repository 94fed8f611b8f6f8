"""bin/setup: what it installs, what it says meanwhile, and when it leaves things alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wait import wait_until
from tests.unit.bin.checkout import DEBIAN_PATH, PYTHON, Checkout


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
    code, said, _ = checkout.setup("--no-apt", path=DEBIAN_PATH)
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
        found = shutil.which(name, path=DEBIAN_PATH)
        assert found, name
        (only / name).symlink_to(found)
    code, said, _ = checkout.setup(path=str(only))
    assert code == 3
    assert "I am not root and there is no sudo" in said


def test_only_development_needs_a_browser(checkout: Checkout) -> None:
    """Tests look at pages with it; who runs the product is not asked for it."""
    checkout.program("chromium", LACKING)
    assert checkout.setup("--no-apt")[0] == 0
    code, said, calls = checkout.setup("--no-apt", "--dev")
    assert (code, calls) == (3, [])
    assert "Missing system packages: chromium\n" in said


SLEEP = """#!/bin/sh
echo "sleep $1" >>"$CALLS"
exec /bin/sleep 0.05
"""
# Ends when the time of three signs of life has passed.
SLOW_APT = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
case "$*" in
    update*) ;;
    *)
        printf 'Get:1 haproxy [2043 kB]\\r50 percent\\nUnpacking haproxy ...\\n'
        until [ "$(grep -c '^sleep 10' "$CALLS")" -gt 3 ]; do /bin/sleep 0.05; done ;;
esac
"""
LACKING = """#!/bin/sh
exit 1
"""


def test_a_long_installation_gives_signs_of_life(checkout: Checkout) -> None:
    """Every ten seconds a line that says what apt-get is at; before it how much there is, and afterwards none."""
    checkout.program("java", LACKING)
    checkout.program("id", "#!/bin/sh\necho 0\n")
    checkout.program("apt-get", SLOW_APT)
    checkout.program("sleep", SLEEP)
    code, said, calls = checkout.setup()
    assert code == 0, said
    lines = said.splitlines()
    assert lines[0] == "Installing default-jre-headless (some 200 MB to fetch, a minute or two) ..."
    assert "  10 s: Unpacking haproxy ..." in lines
    assert "  20 s: Unpacking haproxy ..." in lines
    assert [call for call in calls if call.startswith("apt-get")] == [
        "apt-get update",
        "apt-get install -y --no-install-recommends default-jre-headless",
    ]


LOCK = """
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""
# The real one, with lists of its own and nothing to fetch; it installs nothing.
REAL_APT = """#!/bin/sh
case "$*" in
    update*)
        exec {apt} -o Dir::State::lists={lists} -o Dir::Cache={lists} \\
            -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=/dev/null "$@" ;;
esac
"""


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's apt-get")
def test_a_busy_package_manager_is_waited_for(checkout: Checkout, tmp_path: Path) -> None:
    """A machine that has just booted updates itself: who holds which lock is told, and then it goes on."""
    lists = tmp_path / "lists"
    (lists / "partial").mkdir(parents=True)
    (lists / "archives" / "partial").mkdir(parents=True)
    checkout.program("java", LACKING)
    checkout.program("id", "#!/bin/sh\necho 0\n")
    checkout.program("apt-get", REAL_APT.format(apt=shutil.which("apt-get"), lists=lists))
    checkout.program("sleep", SLEEP)
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK, str(lists / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        running = checkout.start("setup")
        waiting = f"(process {holder.pid}), which has locked {lists}/lock ..."
        wait_until(lambda: waiting in checkout.said(), 30, "the sentence that it waits")
        assert running.poll() is None
        holder.stdin.close()
        assert running.wait(60) == 0, checkout.said()
    assert "Preparing .venv" in checkout.said()


def test_what_apt_fails_with_is_shown(checkout: Checkout) -> None:
    """Its last lines, where the rest is, and exit code 3; nobody is waited for."""
    checkout.program("java", LACKING)
    checkout.program("id", "#!/bin/sh\necho 0\n")
    checkout.program("apt-get", "#!/bin/sh\necho 'E: Unable to locate package default-jre-headless'\nexit 100\n")
    code, said, _ = checkout.setup()
    assert code == 3
    assert "E: Unable to locate package default-jre-headless\napt-get failed" in said
    assert "Unable to locate" in (checkout.path / ".local" / "setup.log").read_text()


def test_pip_without_a_network_ends_with_a_sentence_of_ours(checkout: Checkout) -> None:
    """What cannot be reached, and what to do; of pip's noise only the errors."""
    broken = """
case "$*" in
    "-m pip install "*)
        echo "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/pip/" >&2
        echo "ERROR: No matching distribution found for pip==1.0" >&2
        exit 1 ;;
esac
"""
    checkout.program("python3", PYTHON.replace("#!/bin/sh\n", f"#!/bin/sh\n{broken}"))
    code, said, _ = checkout.setup()
    assert code == 3
    first, error, ours, network, again = said.splitlines()
    assert first.startswith("Preparing .venv (some 100 MB")
    assert error == "ERROR: No matching distribution found for pip==1.0"
    assert ours.startswith("pip could not install what this checkout needs")
    assert "reaches no package index: check the network" in network
    assert again == "Then run it again: it goes on where it stopped."
