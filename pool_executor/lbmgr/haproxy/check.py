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


def refusals(
    binary: str, files: Sequence[Path], timeout: float, variables: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """What it says against the files, nothing when it accepts them; it sees `variables`. Raises NotChecked."""
    arguments = [word for path in files for word in ("-f", str(path))]
    try:
        done = subprocess.run(
            [binary, "-c", *arguments],
            capture_output=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
            env={**variables, **environment()},
        )
    except subprocess.TimeoutExpired as error:
        raise NotChecked(f"it took longer than {timeout:g} s") from error
    except OSError as error:
        raise NotChecked(str(error)) from error
    if done.returncode == 0:
        return []
    text = (done.stderr + done.stdout).decode(errors="replace")
    found = complaint_list(text, files[0].parent if files else None)
    return found or [f"haproxy -c ended with status {done.returncode}"]


def environment() -> dict[str, str]:
    """What HAProxy sees of ours: nothing else is its business."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
