"""Which HAProxy an instance runs, and whether it can do what is asked of it.

Knows where it may be installed and what it tells of itself. Does not know how it is run.
"""

import os
import re
import subprocess
from dataclasses import dataclass

from sdk import programs
from sdk.errors import EnvironmentProblem

#: The environment variable that chooses another executable than `haproxy`.
CHOICE = "EDGELB_HAPROXY"

_LEAST = (2, 6)
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An executable and the version that it tells."""

    path: str
    version: str


def find(name: str | None = None) -> Program:
    """The HAProxy of this name or path; by default the one of EDGELB_HAPROXY, else `haproxy`.

    Raises EnvironmentProblem with the sentence for the operator.
    """
    name = name or os.environ.get(CHOICE) or "haproxy"
    path = programs.find(name)
    if path is None:
        raise EnvironmentProblem(
            f"this agent has no {name}: install HAProxy 2.6 or later, let the scheduler serve one (its option "
            "serve_haproxy), or run the pool in an image that has it"
        )
    try:
        output = subprocess.run([path, "-vv"], capture_output=True, timeout=_PATIENCE, check=True).stdout.decode(
            errors="replace"
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[:200] or f"it ended with status {error.returncode}"
        raise EnvironmentProblem(f"{path} cannot be run: {said}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentProblem(f"{path} cannot be run: {error}") from error
    return Program(path=path, version=check(path, output))


def check(path: str, output: str) -> str:
    """The version in the answer to `-vv`; raises EnvironmentProblem when this HAProxy lacks what every pool needs."""
    match = re.search(r"version (\d+\.\d+\S*)", output)
    if match is None:
        raise EnvironmentProblem(f"{path} -vv does not tell a version: {output[:100]!r}")
    if tuple(int(word) for word in match[1].split("-")[0].split(".")[:2] if word.isdigit()) < _LEAST:
        raise EnvironmentProblem(f"{path} is HAProxy {match[1]}; 2.6 or later is needed")
    # A distribution may leave out anything, whatever the version.
    features = re.search(r"^Feature list : (.*)$", output, re.MULTILINE)
    services = re.search(r"^Available services : (.*)$", output, re.MULTILINE)
    lacks = [
        name
        for name, there in (
            ("OpenSSL", features is not None and "+OPENSSL" in features[1].split()),
            ("threads", features is not None and "+THREAD" in features[1].split()),
            ("the Prometheus exporter", services is not None and "prometheus-exporter" in services[1].split()),
        )
        if not there
    ]
    if lacks:
        raise EnvironmentProblem(f"{path} is HAProxy {match[1]} without {', '.join(lacks)}: install another build")
    return match[1]
