"""What stands on disk of the structure that HAProxy serves, and what keeps the files behind it.

Knows when files are brought up to date: at once, and when the disk takes them again. Does not know their forms
(files.py).
"""

from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.content import Content, PartText
from pool_executor.lbmgr.structure.files import Files, changed_parts
from pool_executor.lbmgr.structure.outcome import Running


class Stored:
    """Of one instance. Used by one thread."""

    def __init__(self, files: Files, counters: Counters) -> None:
        self._files = files
        self._counters = counters
        self._wanted: Running | None = None
        self.unsaved: str | None = None
        """What keeps the files behind what HAProxy serves."""

    def load(self) -> Running | None:
        """What was served last."""
        found = self._files.load()
        if found is not None:
            self._wanted = Running(head=found.head, content=found.content)
        return self._wanted

    def update(self, wanted: Running) -> None:
        """Bring single files to this."""
        before = self._wanted.content if self._wanted is not None and self.unsaved is None else Content()
        self._wanted = wanted
        self._update(wanted, changed_parts(before, wanted.content))

    def save(self) -> None:
        """The same again, after the disk did not take it."""
        if self._wanted is not None and self.unsaved is not None:
            self._update(self._wanted, list(self._wanted.content.parts.values()))

    def _update(self, wanted: Running, changed: list[PartText]) -> None:
        try:
            self._files.update(wanted.head, changed)
            self.unsaved = None
        except OSError as error:
            self.unsaved = f"HAProxy serves version {wanted.head.version}, but {self.failed(error)}"

    def commit(self, wanted: Running) -> None:
        """The new version, which is this, is good."""
        self._wanted, self.unsaved = wanted, None
        try:
            self._files.commit()
        except OSError as error:
            # It is whole on disk; only the mark that it is good is missing.
            self.unsaved = self.failed(error)

    def failed(self, error: OSError) -> str:
        """What the disk did not take, as a phrase."""
        self._counters.count("disk_failed")
        return f"the sandbox cannot be written: {error.strerror or error} ({error.filename})"
