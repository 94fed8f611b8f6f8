"""Several files as one that is named by its content: packed by the scheduler, unpacked on an agent.

The same files give the same bytes everywhere: entries are sorted, have one fixed time, and are stored, because
compressed bytes depend on the zlib at hand. Does not know what the files are.
"""

import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from sdk.errors import EnvironmentProblem

_TIME = (1980, 1, 1, 0, 0, 0)


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of these files, by their paths in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, _TIME)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, files[path])
    return buffer.getvalue()


def unpack(archive: Path, sha256: str, directory: Path) -> None:
    """Unpack into a new directory, all files executable; nothing of an archive with another sum is touched.

    Raises EnvironmentProblem when it is missing or another one, OSError when the disk does not take it.
    """
    try:
        with open(archive, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise EnvironmentProblem(f"{archive.name} was not fetched into the sandbox") from error
    if found != sha256:
        raise EnvironmentProblem(f"{archive.name} has the sum {found}, not {sha256}: it was changed on its way")
    shutil.rmtree(directory, ignore_errors=True)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(directory)  # the sum says that nobody but the scheduler made it
    for path in directory.rglob("*"):
        path.chmod(0o755)
