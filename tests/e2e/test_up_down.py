"""`bin/up` and `bin/down` as a newcomer uses them: in checkouts of his own, with nothing set in his environment."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from sdk.local import processes
from tests.e2e.conftest import CHECKOUT
from tests.support.http import request
from tests.support.stack_ports import free_bases
from tests.support.wait import wait_until

pytestmark = pytest.mark.e2e

NOT_COPIED = {"docs", "tests", "benchmarks", "build", "dist"}
"""Folders of the checkout itself; packages below may be called like these."""
NEVER_COPIED = (".*", "__pycache__", "*.egg-info")

EDGELB = """#!{python}
import sys
from api.cli.main import main
sys.exit(main())
"""


DEBIAN_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
"""What a user gets whom `adduser` made."""
NOBODY = 65534


class Checkout:
    """A checkout of which nothing runs yet, with a virtual environment that borrows the packages of this one's.

    Commands run as `user`, with this `path`.
    """

    def __init__(
        self, directory: Path, *, python: str = sys.executable, user: Sequence[str] = (), path: str = os.environ["PATH"]
    ) -> None:
        self.directory = directory
        self._user, self._path = user, path
        never = shutil.ignore_patterns(*NEVER_COPIED)
        shutil.copytree(
            CHECKOUT,
            directory,
            ignore=lambda folder, names: {*never(folder, names), *(NOT_COPIED if folder == str(CHECKOUT) else ())},
        )
        environment = directory / ".venv"
        subprocess.run([python, "-m", "venv", "--without-pip", str(environment)], check=True)
        [packages] = environment.glob("lib/python3*/site-packages")
        # A path in a .pth file is not looked through for further ones: our own code is found in the copy only.
        borrowed = Path(click.__file__).parents[1]
        (packages / "checkout.pth").write_text(f"{directory}\n{borrowed}\n")
        script = environment / "bin" / "edgelb"
        script.write_text(EDGELB.format(python=environment / "bin" / "python"))
        script.chmod(0o755)
        # What bin/setup leaves behind when it has nothing more to do, by its own reckoning.
        [reckoning] = [
            line for line in (directory / "bin/setup").read_text().splitlines() if line.startswith("wanted=")
        ]
        wanted = subprocess.run(
            ["/bin/sh", "-c", f'{reckoning}; printf %s "$wanted"'],
            cwd=directory,
            capture_output=True,
            text=True,
            check=True,
        )
        assert len(wanted.stdout) == 64
        (environment / ".edgelb-yes").write_text(wanted.stdout)

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of the commands in bin/ to its end, as somebody with a plain environment does."""
        return subprocess.run(
            [*self._user, str(self.directory / "bin" / command), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd="/",
            env={"PATH": self._path, "HOME": str(self.directory), "LANG": "C.UTF-8"},
        )

    def up(self, base_port: int | None, *arguments: str) -> str:
        """`bin/up --detach`, which must succeed; what it says."""
        ports = () if base_port is None else ("--base-port", str(base_port))
        done = self.run("up", "--no-apt", "--detach", *ports, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def urls(self) -> dict[str, Any]:
        """The file for scripts."""
        found: dict[str, Any] = json.loads((self.directory / ".local" / "urls.json").read_text())
        return found

    def left(self) -> list[str]:
        """Command lines of the processes that have to do with this checkout: by their arguments, sandbox or folder."""
        found = []
        for pid in processes.everyone():
            words = processes.command_line(pid)
            places = [*words, processes.environment(pid).get("MESOS_SANDBOX", ""), _folder(pid)]
            if any(str(self.directory) in place for place in places):
                found.append(" ".join(words))
        return found


def _folder(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def get(url: str) -> Any:
    """A JSON document."""
    answer = request("GET", url, headers={"Connection": "close"})
    assert answer.status == 200, answer.data
    return answer.json()


@pytest.fixture
def checkouts(tmp_path: Path) -> Iterator[list[Checkout]]:
    """Two checkouts; whatever still runs in them afterwards is stopped."""
    made = [Checkout(tmp_path / name) for name in ("one", "two")]
    yield made
    for checkout in made:
        checkout.run("down")


def test_checkouts_run_side_by_side_stop_without_a_trace_and_resume(checkouts: list[Checkout]) -> None:
    """The story of two checkouts, from the first `bin/up --detach` to `--fresh`."""
    one, two = checkouts
    first, second, third = free_bases(3)
    assert "Nothing is running here" in one.run("down").stdout

    # It ends with traffic, tells its URLs to people and to scripts.
    said = one.up(first)
    urls = one.urls()
    assert {"api", "mesos", "pools", "stats"} <= urls.keys()
    assert urls["api"] == f"http://127.0.0.1:{first}"
    assert get(f"{urls['mesos']}/slaves")["slaves"]
    served = urls["pools"]["web"]["web"]
    assert len(served) == len(urls["stats"]) == 2
    for url in served:
        assert url in said
        assert {get(url)["instance"] for _ in range(10)} == {"webapp-0-web", "webapp-1-web"}
    for url in urls["stats"]:
        assert url in said
        assert request("GET", url).status == 200

    # Once more: it says that it runs and where, and starts nothing.
    before = sorted(one.left())
    again = one.run("up", "--no-apt", "--detach", "--base-port", str(first))
    assert again.returncode == 0
    assert "Already running" in again.stdout
    assert served[0] in again.stdout
    assert sorted(one.left()) == before

    # Asked for other ports, it says that it has not got them, and how to get them.
    ignored = one.run("up", "--no-apt", "--base-port", str(second))
    assert ignored.returncode == 0
    assert f"--base-port {second} (it has {first})" in ignored.stderr
    assert "bin/down" in ignored.stderr

    # Another checkout on the same ports is told which stack has them, and leaves nothing behind.
    refused = two.run("up", "--no-apt", "--detach", "--base-port", str(first))
    assert refused.returncode == 1
    assert f"by the stack in {one.directory}/.local (pid " in refused.stderr
    assert "--base-port" in refused.stderr
    assert len(refused.stderr.splitlines()) < 6
    assert two.left() == []

    # On other ports both run; stopping one does not touch the other.
    two.up(second)
    pool = get(f"{urls['api']}/v2/pools/web") | {"name": "mine", "count": 1}
    answer = request("POST", f"{urls['api']}/v2/pools", json=pool)
    assert answer.status == 200, answer.data
    stopped = one.run("down")
    assert stopped.returncode == 0
    assert "Stopped" in stopped.stdout
    assert one.left() == []
    assert not (one.directory / ".local" / "urls.json").exists()
    assert len({get(two.urls()["pools"]["web"]["web"][0])["instance"] for _ in range(10)}) == 2

    # Started again it has its state: both pools serve, and nothing was created anew.
    moved = one.run("up", "--no-apt", "--detach", "--base-port", str(third))
    assert moved.returncode == 1
    assert f"has its ports from {first} on" in moved.stderr
    assert "Created" not in one.up(None)
    assert one.urls()["api"] == urls["api"]
    assert {one["name"] for one in get(f"{urls['api']}/v2/pools")} == {"web", "mine"}
    wait_until(lambda: get(f"{urls['api']}/v2/pools/mine/status")["state"] == "ready", 40, "the resumed pool")

    # --fresh starts empty.
    one.run("down")
    assert "Created the pool web" in one.up(first, "--fresh")
    assert [one["name"] for one in get(f"{urls['api']}/v2/pools")] == ["web"]

    for checkout in checkouts:
        assert checkout.run("down").returncode == 0
        assert checkout.left() == []


@pytest.fixture
def of_a_user() -> Iterator[Checkout]:
    """A checkout of an ordinary user, who has Debian's PATH and no sudo: ourselves, or nobody when we are root."""
    with tempfile.TemporaryDirectory() as folder:
        if os.getuid() != 0:
            checkout = Checkout(Path(folder) / "checkout", path=DEBIAN_PATH)
        else:
            user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
            Path(folder).chmod(0o755)
            checkout = Checkout(Path(folder) / "checkout", python=python_for(user), user=user, path=DEBIAN_PATH)
            for path in (checkout.directory, *checkout.directory.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        yield checkout
        checkout.run("down")


def python_for(user: Sequence[str]) -> str:
    """An interpreter that the user may run and that can use the packages of ours."""
    program = f"import sys; sys.path.append({str(Path(click.__file__).parents[1])!r}); import click, grpc, aiohttp"
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        tried = subprocess.run([*user, "env", "-i", python, "-c", program], capture_output=True, check=False)
        if tried.returncode == 0:
            return python
    pytest.skip(f"no Python 3.{sys.version_info.minor} that an ordinary user may run with the packages of this one")


def test_an_ordinary_user_starts_it_and_is_asked_for_nothing(of_a_user: Checkout) -> None:
    """All that is needed is installed, HAProxy where only root's PATH looks: traffic flows without a complaint."""
    [base] = free_bases(1)
    done = of_a_user.run("up", "--detach", "--base-port", str(base))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    [url, _] = of_a_user.urls()["pools"]["web"]["web"]
    assert {get(url)["instance"] for _ in range(10)} == {"webapp-0-web", "webapp-1-web"}
    assert of_a_user.run("down").returncode == 0
    assert of_a_user.left() == []


def test_what_is_missing_is_named_with_no_apt(tmp_path: Path) -> None:
    """`--no-apt` installs nothing: it names the packages, how to get them, and stops with 3."""
    checkout = Checkout(tmp_path / "one")
    tools = tmp_path / "tools"
    tools.mkdir()
    # A PATH on which everything is found but OpenSSL and Java.
    for folder in ("/usr/bin", "/bin"):
        for tool in Path(folder).iterdir():
            link = tools / tool.name
            if tool.name not in ("openssl", "java") and not link.exists():
                link.symlink_to(tool)
    done = subprocess.run(
        [str(checkout.directory / "bin" / "up"), "--no-apt", "--detach"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": str(tools), "HOME": str(tmp_path)},
    )
    assert done.returncode == 3, done.stderr
    assert "Missing system packages: default-jre-headless openssl" in done.stderr
    assert "apt-get install" in done.stderr
