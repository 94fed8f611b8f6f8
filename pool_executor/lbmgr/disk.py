"""Writing files so that a crash at any moment leaves the old or the new one. Raises OSError."""

import os
from pathlib import Path


def write_file(path: Path, data: bytes, *, sync: bool = True, mode: int = 0o666) -> None:
    """Write a file that nobody reads yet; it has `mode`, less the umask, from its first byte on."""
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def replace_file(path: Path, data: bytes, *, sync: bool = True, mode: int = 0o666) -> None:
    """Put a new file in the place of an old one."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        write_file(temporary, data, sync=sync, mode=mode)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        sync_path(path.parent)


def holds(path: Path, data: bytes) -> bool:
    """Whether the file has this content already."""
    try:
        # A different size is told apart without reading.
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def point(link: Path, target: str, *, durable: bool = True) -> None:
    """Let a symbolic link lead to `target`, at once; `durable`: also after a crash of the machine."""
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
    if durable:
        sync_path(link.parent)


def sync_path(path: Path) -> None:
    """What was written to the file, or renamed in the directory, stays so."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
