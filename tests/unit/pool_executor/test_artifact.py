"""The executor as one file."""

import ast
import hashlib
import importlib.util
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pool_executor import artifact, too_old
from pool_executor.archive import pack


@pytest.mark.slow
def test_the_same_sources_give_the_same_bytes() -> None:
    """Two processes build the same file, whatever their hash seed and what they have loaded; the sum is its bytes'."""
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
    sources = {name for name in names if name.endswith(".py")}
    assert set(names) - sources == {f"{name}c" for name in sources} - {"__main__.pyc"}


@pytest.mark.slow
def test_the_same_python_compiles_nothing_and_another_one_all(tmp_path: Path) -> None:
    """Bytecode is taken where its version is that of the Python that runs it, else the source; both do the same."""
    made = artifact.build()
    loaded = (
        "import sys; sys.path.insert(0, sys.argv[1]); import builtins, importlib;"
        "compiled = []; builtin = builtins.compile;"
        "builtins.compile = lambda source, name, *more, **named: "
        "compiled.append(name) or builtin(source, name, *more, **named);"
        "module = importlib.import_module('sdk.mesos.executor');"
        "ours = [name for name in compiled if str(name).startswith(sys.argv[1])];"
        "print(len(ours) > 0, module.API, module.ExecutorDriver.__init__.__code__.co_filename)"
    )

    def told(data: bytes) -> str:
        (tmp_path / artifact.NAME).write_bytes(data)
        command = [sys.executable, "-I", "-c", loaded, artifact.NAME]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    other = made.data.replace(importlib.util.MAGIC_NUMBER, b"\x00\x00\r\n")
    assert told(made.data) == f"False /api/v1/executor {artifact.NAME}/sdk/mesos/executor.py"
    assert told(other) == f"True /api/v1/executor {artifact.NAME}/sdk/mesos/executor.py"


def test_bytecode_is_no_part_of_the_identity() -> None:
    """Schedulers on other Pythons serve other bytes of the same executor."""
    made = artifact.build()
    archive = zipfile.ZipFile(io.BytesIO(made.data))
    sources = {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}
    assert made.identity == hashlib.sha256(pack(sources)).hexdigest() != made.sha256


def test_an_old_python_can_read_what_it_has_to() -> None:
    """The entry of the file, the package and the module that tells the agent use no syntax later than Python 3.4."""
    archive = zipfile.ZipFile(io.BytesIO(artifact.build().data))
    for name in ("__main__.py", "pool_executor/__init__.py", "pool_executor/too_old.py"):
        ast.parse(archive.read(name), feature_version=(3, 4))


def test_without_an_agent_the_sentence_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to talk to is no reason for a traceback."""
    assert too_old.fail("this agent has Python 3.4") == 1
    assert "this agent has Python 3.4" in capsys.readouterr().err
