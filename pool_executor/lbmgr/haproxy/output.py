"""What HAProxy writes: its log in the sandbox, and the complaints in it.

Knows how HAProxy marks what is an error. Does not know what is done about one.
"""

import contextlib
import os
import re
import shutil
from pathlib import Path

from sdk.lean_structlog import structlog

_log = structlog.get_logger()

_MAX_LOG_BYTES = 8 * 1024 * 1024
_MAX_READ = 256 * 1024
_MOST_TOLD = 10
_ALERT = re.compile(r"^\[ALERT\]\s+\(\d+\) : (?:config : )?(?P<text>.*)$")


class Output:
    """The file that HAProxy appends to; `directory` is that of its configuration."""

    def __init__(self, path: Path, directory: Path) -> None:
        self.path = path
        self._directory = directory

    @property
    def size(self) -> int:
        """Bytes that it has now."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def complaints(self, offset: int) -> str:
        """What HAProxy complained about since the file had this size; empty when about nothing."""
        try:
            with open(self.path, "rb") as log:
                log.seek(offset)
                return complaints(log.read(_MAX_READ).decode(errors="replace"), self._directory)
        except OSError as error:
            return f"HAProxy's log cannot be read: {error}"

    def trim(self) -> None:
        """Move a large log to a second file, so that it does not fill the disk."""
        if self.size < _MAX_LOG_BYTES:
            return
        older = self.path.with_name(f"{self.path.name}.1")
        try:
            shutil.copyfile(self.path, older)
        except OSError as error:
            # On a full disk the space counts for more than old lines.
            _log.warning("HAProxy's log could not be kept; it begins anew", error=str(error))
            with contextlib.suppress(OSError):
                older.unlink()
        os.truncate(self.path, 0)


def complaints(text: str, directory: Path | None) -> str:
    """What HAProxy complained about, joined, without its process ids and our directories."""
    return "; ".join(complaint_list(text, directory))


def complaint_list(text: str, directory: Path | None) -> list[str]:
    """The same one by one, the first ones only."""
    found: list[str] = []
    for line in text.splitlines():
        match = _ALERT.match(line)
        if match is not None:
            found.append(match["text"].strip())
        elif found and line.startswith(" ") and len(found) < 2 * _MOST_TOLD:
            found.append(line.strip())
    # The last lines only say that there were errors.
    telling = [line for line in found if not line.startswith(("Error(s) found in", "Fatal errors found"))] or found
    return [line.replace(f"{directory}/", "") if directory else line for line in telling[:_MOST_TOLD]]
