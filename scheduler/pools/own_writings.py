"""What somebody has written of pools last: while nobody else writes them, it need not be read again. Pure."""

from collections.abc import Mapping
from typing import Any

from scheduler.pools.model import Revision
from scheduler.pools.sparse import Known
from scheduler.pools.stored import StoredPool


class OwnWritings:
    """What its owner has written last of each pool: while nobody else writes, only what changed is written anew."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Revision, Known]] = {}

    def of(self, name: str, revision: Revision) -> Known | None:
        """The pool with its JSON, if it is in the state that the owner has written."""
        found = self._known.get(name)
        return found[1] if found is not None and found[0] == revision else None

    def note(self, stored: StoredPool, content: Mapping[str, Any] | None) -> None:
        """The owner has written this; without content it has to be read again."""
        self._known.pop(stored.pool.name, None)
        if content is not None:
            self._known[stored.pool.name] = (stored.revision, Known(content, stored.pool))
