"""The files in which an agent keeps what it must know after a restart, below `meta` of its work directory.

Knows names, files and what a crash of the machine or a full disk makes of them: a file that cannot be read is set aside
under a name that says so, and what could not be written is written later. What the contents mean is the core's.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from sdk.local.atomic import write_atomically
from sdk.local.core.wire import Json
from sdk.local.web import encode

_FOLDERS = ("framework", "executor", "task")
DAMAGED = ".damaged"
# File names have 255 bytes, and a temporary one is longer.
_LONGEST = 200


class Checkpoints:
    """All checkpoints of one agent by their names in the core; `log` gets a sentence about whatever is wrong."""

    def __init__(self, meta: Path, log: Callable[[str], None]) -> None:
        self._meta = meta
        self._log = log
        self._late: dict[str, Json | None] = {}
        for folder in _FOLDERS:
            (meta / folder).mkdir(parents=True, exist_ok=True)

    def file(self, name: str) -> Path:
        """The file of a checkpoint."""
        folder, _, rest = name.partition("/")
        if not rest:
            return self._meta / f"{name}.json"
        stem = quote(rest, safe="")
        if len(stem) > _LONGEST:
            # What is in the file says whose it is.
            stem = hashlib.sha256(stem.encode()).hexdigest()
        return self._meta / folder / f"{stem}.json"

    def load(self) -> dict[str, Any]:
        """All that can be read; what cannot is set aside."""
        found: dict[str, Any] = {}
        names = [name for name in ("agent", "resources") if self.file(name).exists()]
        for folder in _FOLDERS:
            names += [f"{folder}/{unquote(file.stem)}" for file in sorted((self._meta / folder).glob("*.json"))]
        for name in names:
            try:
                found[name] = json.loads(self.file(name).read_bytes())
            except (OSError, ValueError, RecursionError) as error:
                self.set_aside(name, str(error))
        return found

    def set_aside(self, name: str, why: str) -> None:
        """Keep a file that cannot be used for people to look at; no later process reads it."""
        file = self.file(name)
        self._log(f"the checkpoint {file} cannot be used ({why}): it is set aside as {file.name}{DAMAGED}")
        try:
            file.replace(file.with_name(f"{file.name}{DAMAGED}"))
        except OSError as error:
            self._log(f"{file} cannot be renamed: {error}")

    def store(self, name: str, content: Json | None) -> None:
        """Keep, or forget with None. What fails, as on a full disk, is tried again by `catch_up`."""
        self._late.pop(name, None)
        try:
            self._write(name, content)
        except OSError as error:
            self._log(f"the checkpoint {self.file(name)} cannot be written, it is tried again: {error}")
            self._late[name] = content

    def _write(self, name: str, content: Json | None) -> None:
        if content is None:
            self.file(name).unlink(missing_ok=True)
        else:
            write_atomically(self.file(name), encode(content))

    @property
    def late(self) -> bool:
        """Whether something could not be written yet."""
        return bool(self._late)

    def catch_up(self) -> None:
        """Write what could not be written before, in its order, until something fails again."""
        while self._late:
            name = next(iter(self._late))
            try:
                self._write(name, self._late[name])
            except OSError:
                return
            del self._late[name]
