"""What `edgelb doctor` looks at on this machine: Python, programs, disk, ports. Checks change nothing."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

from api.cli.finding import FAIL, OK, WARN, Finding
from sdk import programs
from sdk.local.processes import listeners

_TIMEOUT = 3.0
_MIN_HAPROXY = (2, 6)
_MIN_FREE_MB = 500


def check_python(version: tuple[int, ...]) -> Finding:
    """Python 3.11 to 3.13."""
    seen = ".".join(map(str, version))
    if (3, 11) <= tuple(version[:2]) <= (3, 13):
        return Finding(level=OK, subject="python", seen=seen)
    return Finding(level=FAIL, subject="python", seen=seen, advice="use Python 3.11, 3.12 or 3.13")


def check_programs() -> Iterator[Finding]:
    """The programs that agents and the local system need."""
    yield haproxy_finding(_output(os.environ.get("EDGELB_HAPROXY") or "haproxy", "-v"))
    if programs.find("setpriv") is None:
        advice = "install util-linux; edgelb serve ties its processes together with setpriv"
        yield Finding(level=FAIL, subject="setpriv", seen="not found", advice=advice)
    java = programs.find("java")
    if java is None:
        advice = "only `edgelb local` needs it, for its own ZooKeeper: install default-jre-headless"
        yield Finding(level=WARN, subject="java", seen="not found", advice=advice)
    else:
        yield Finding(level=OK, subject="java", seen=java)


def haproxy_finding(version_output: str | None) -> Finding:
    """What `haproxy -v` said, None when it could not be run."""
    if version_output is None:
        advice = (
            "install haproxy 2.6 or later where pool instances run (agents, or the image), and here for edgelb local"
        )
        return Finding(level=WARN, subject="haproxy", seen="not found", advice=advice)
    found = re.search(r"version (\d+)\.(\d+)(\S*)", version_output)
    if found is None:
        return Finding(level=WARN, subject="haproxy", seen=version_output[:80], advice="its version cannot be read")
    seen = f"{found[1]}.{found[2]}{found[3]}"
    if (int(found[1]), int(found[2])) < _MIN_HAPROXY:
        return Finding(level=FAIL, subject="haproxy", seen=seen, advice="install version 2.6 or later")
    return Finding(level=OK, subject="haproxy", seen=seen)


def _output(name: str, *arguments: str) -> str | None:
    program = programs.find(name)
    if program is None:
        return None
    try:
        done = subprocess.run((program, *arguments), capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip()


def check_disk(path: str) -> Finding:
    """Room for logs and state."""
    free = shutil.disk_usage(path).free // (1024 * 1024)
    if free >= _MIN_FREE_MB:
        return Finding(level=OK, subject="disk", seen=f"{free} MB free at {path}")
    return Finding(level=WARN, subject="disk", seen=f"{free} MB free at {path}", advice=f"free {_MIN_FREE_MB} MB")


def check_ports(addresses: tuple[str, ...]) -> Iterator[Finding]:
    """Whether the addresses that the processes listen at are free, or ours."""
    ports = {int(address.rpartition(":")[2]): address for address in addresses if address.rpartition(":")[2].isdigit()}
    taken = listeners(set(ports))
    for port, address in sorted(ports.items()):
        user = taken.get(port)
        if user is None:
            yield Finding(level=OK, subject=f"port {port}", seen="free")
        elif "edgelb" in user or "api.cli.main" in user:
            yield Finding(level=OK, subject=f"port {port}", seen=f"used by Edge-LB, {user}")
        else:
            advice = f"stop it, or set another address than {address} (docs/reference/settings.md lists the settings)"
            yield Finding(level=WARN, subject=f"port {port}", seen=f"used by {user}", advice=advice)
