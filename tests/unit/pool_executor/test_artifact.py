"""The executor as one file."""

import ast
import hashlib
import io
import subprocess
import sys
import zipfile

import pytest

from pool_executor import artifact, too_old


def test_the_same_sources_give_the_same_bytes() -> None:
    """Two processes build the same file, whatever their hash seed, and its sum is that of its bytes."""
    made = artifact.build()
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()
    for seed in ("1", "2"):
        other = subprocess.run(
            [sys.executable, "-c", "from pool_executor import artifact; print(artifact.build().sha256)"],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        assert other.stdout.strip() == made.sha256


def test_it_holds_what_the_executor_imports_and_nothing_of_the_scheduler() -> None:
    """A change of the scheduler, the API or the SDK's planning must not relaunch instances."""
    names = zipfile.ZipFile(io.BytesIO(artifact.build().data)).namelist()
    assert {"__main__.py", "pool_executor/lbmgr/agent.py", "sdk/mesos/executor.py", "kazoo/client.py"} <= set(names)
    assert names == sorted(names)
    ours = {name for name in names if name.startswith(("sdk/", "api/", "scheduler/", "pool_executor/"))}
    assert not [
        name for name in ours if name.startswith(("api/", "scheduler/", "sdk/core/", "sdk/local/", "sdk/offer/"))
    ]
    assert "pool_executor/artifact.py" not in ours
    assert "sdk/mesos/driver.py" not in ours
    assert all(name.endswith(".py") for name in names)


def test_an_old_python_can_read_what_it_has_to() -> None:
    """The entry of the file, the package and the module that tells the agent use no syntax later than Python 3.4."""
    archive = zipfile.ZipFile(io.BytesIO(artifact.build().data))
    for name in ("__main__.py", "pool_executor/__init__.py", "pool_executor/too_old.py"):
        ast.parse(archive.read(name), feature_version=(3, 4))


def test_without_an_agent_the_sentence_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to talk to is no reason for a traceback."""
    assert too_old.fail("this agent has Python 3.4") == 1
    assert "this agent has Python 3.4" in capsys.readouterr().err
