"""Asking HAProxy what it thinks of files, without serving them: `haproxy -c`.

Knows how it is run and what it says. Does not know what the files are.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from pool_executor.lbmgr.haproxy.output import complaint_list


class NotChecked(Exception):
    """Nothing is known of the files; the message says why."""


class Check:
    """HAProxy looks at files, beside whoever asked; it ends with the block that this is used in."""

    def __init__(self, binary: str, files: Sequence[Path], variables: Mapping[str, str] = MappingProxyType({})) -> None:
        """Begin; it sees `variables`. Raises NotChecked."""
        self._directory = files[0].parent if files else None
        arguments = [word for path in files for word in ("-f", str(path))]
        try:
            self._process = subprocess.Popen(
                [binary, "-c", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**variables, **environment()},
            )
        except OSError as error:
            raise NotChecked(str(error)) from error

    def __enter__(self) -> "Check":
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:  # closes its pipes and waits
            self._process.kill()

    def refusals(self, timeout: float) -> list[str]:
        """Wait for what it says against the files, nothing when it accepts them. Raises NotChecked."""
        try:
            out, err = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise NotChecked(f"it took longer than {timeout:g} s") from error
        if self._process.returncode == 0:
            return []
        found = complaint_list((err + out).decode(errors="replace"), self._directory)
        return found or [f"haproxy -c ended with status {self._process.returncode}"]


def refusals(
    binary: str, files: Sequence[Path], timeout: float, variables: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """What it says against the files, nothing when it accepts them; it sees `variables`. Raises NotChecked."""
    with Check(binary, files, variables) as check:
        return check.refusals(timeout)


def environment() -> dict[str, str]:
    """What HAProxy sees of ours: nothing else is its business."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
