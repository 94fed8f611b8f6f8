"""A program that begins as a fork behaves as one that is started from nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sdk.local import processes
from tests.support import nursery
from tests.support.ports import free_port
from tests.support.wait import wait_until

MODULE = [sys.executable, "-m", "sdk.local.agent"]
WAYS = pytest.mark.parametrize("popen", [subprocess.Popen, nursery.popen], ids=["from nothing", "forked"])
Popen = Callable[..., nursery.Process]
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": os.environ["PATH"]}


@WAYS
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--help"], 0, "usage: python -m sdk.local.agent"),
        (["--nonsense"], 2, "python -m sdk.local.agent: error: "),
    ],
)
def test_words_output_and_status_are_its_own(
    popen: Popen, tmp_path: Path, words: list[str], status: int, said: str
) -> None:
    """They are what the command line makes of them."""
    with (tmp_path / "log").open("wb") as log:
        process = popen([*MODULE, *words], cwd=tmp_path, env=ENVIRONMENT, stdout=log, stderr=log)
    assert process.wait(60) == process.poll() == status
    assert said in (tmp_path / "log").read_text()


@WAYS
@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)])
def test_it_works_in_its_folder_until_a_signal_comes(
    popen: Popen, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """In a session of its own, with the words in front that let the kernel end it with whoever started it."""
    command = ["setpriv", "--pdeathsig", "TERM", "--", *MODULE, "--master", f"127.0.0.1:{free_port()}"]
    said = tmp_path / "log"
    with said.open("wb") as log:
        process = popen(
            [*command, "--work-dir", "own", "--port", str(free_port())],
            cwd=tmp_path, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    wait_until(said.read_text, 30, "its first word")
    assert (tmp_path / "own").is_dir()
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(number)
    assert process.wait(20) == status
    assert not processes.alive(process.pid)
    process.kill()
