"""The registry of a master in its file: read when a term begins, replaced before anything relies on what changed.

Knows the file and who else may use it. What it keeps is `core.emit.registry`.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdk.local.atomic import write_atomically
from sdk.local.core.kept import check
from sdk.local.core.wire import BadMessage, Json


class RegistryError(Exception):
    """The registry cannot be read or kept; the text says what to do. No master goes on without it."""


def read(path: Path) -> tuple[bytes, Json | None]:
    """What the file holds, as it is and checked; nothing and None when there is no file yet."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b"", None
    except OSError as error:
        raise RegistryError(f"cannot read the registry {path}: {error.strerror}") from None
    try:
        return content, check(json.loads(content))
    except (BadMessage, ValueError, RecursionError) as error:
        raise RegistryError(
            f"the registry {path} is damaged: {error}. Restore it, or move it away to start an empty cluster"
        ) from None


def keep(path: Path, content: bytes) -> None:
    """Replace the file."""
    try:
        write_atomically(path, content)
    except OSError as error:
        raise RegistryError(f"cannot keep the registry {path}: {error.strerror}") from None


@contextmanager
def locked(path: Path, *, together: bool) -> Iterator[None]:
    """Hold the registry; masters that elect a leader hold it `together`, any other master alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("wb")
    except OSError as error:
        raise RegistryError(f"cannot use the registry {path}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if together else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RegistryError(
                f"another master uses the registry {path}: give each its own --work-dir, or all of them the same --zk"
            ) from None
        yield
