"""A HAProxy that comes to an agent with the task."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from pool_executor import haproxy_artifact
from pool_executor.archive import unpack
from pool_executor.lbmgr.haproxy import program
from sdk.errors import EnvironmentProblem
from tests.support.haproxies import BOTH, BUNDLED

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("binary", BOTH)
def test_it_runs_from_any_directory_with_the_libraries_that_came_along(
    binary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an environment of nothing; those of the C library are the agent's."""
    monkeypatch.setenv(program.CHOICE, binary)
    made = haproxy_artifact.build()
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()
    archive, directory = tmp_path / made.name, tmp_path / "a directory"
    archive.write_bytes(made.data)
    unpack(archive, made.sha256, directory)
    haproxy = directory / "haproxy"
    assert program.find(str(haproxy)).version == program.find(binary).version
    names = {path.name for path in (directory / "lib").iterdir()}
    assert any(name.startswith("libcrypto.so") for name in names)
    assert not names & {"libc.so.6", "libm.so.6", "libpthread.so.0"}
    # The loader says where each library would come from.
    script = haproxy.read_text().replace('exec "${0%/*}/bin/haproxy" "$@"', 'exec /usr/bin/ldd "${0%/*}/bin/haproxy"')
    lister = directory / "lister"
    lister.write_text(script)
    listed = subprocess.run(["/bin/sh", lister], env={}, capture_output=True, text=True, check=True).stdout
    for name in names:
        assert f"{name} => {directory}" in listed


def test_the_extra_is_served_unless_the_environment_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs an older C library than the system's does."""
    monkeypatch.delenv(program.CHOICE, raising=False)
    extra = haproxy_artifact.build()
    monkeypatch.setenv(program.CHOICE, BUNDLED)
    assert haproxy_artifact.build() == extra


def test_a_script_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it starts is not there on an agent."""
    script = tmp_path / "haproxy"
    script.write_text(f'#!/bin/sh\nexec {BUNDLED} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv(program.CHOICE, str(script))
    with pytest.raises(EnvironmentProblem, match="cannot be served to agents: it is a script"):
        haproxy_artifact.build()
