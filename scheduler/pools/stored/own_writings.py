"""What somebody has written of pools last: he need not read it again. Pure.

What he is about to write is noted by the text that will hold it: whoever comes upon a node that names this text knows
what it says, whoever wrote it.
"""

from collections.abc import Mapping
from typing import Any

from scheduler.pools.model import Pool, Revision
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.sparse import Known
from sdk.storage.blobs import Blob


class OwnWritings:
    """What its owner has written last of each pool: while nobody else writes, only what changed is written anew. One
    thread writes and another one may read."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Revision, Known]] = {}
        self._texts: dict[str, tuple[Blob, Known]] = {}

    def of(self, name: str, revision: Revision) -> Known | None:
        """The pool with its JSON, if it is in the state that the owner has written."""
        found = self._known.get(name)
        return found[1] if found is not None and found[0] == revision else None

    def text(self, name: str, blob: Blob) -> Known | None:
        """The pool with its JSON that this text holds, if the owner has written it."""
        found = self._texts.get(name)
        return found[1] if found is not None and found[0] == blob else None

    def begin(self, pool: Pool, content: Mapping[str, Any], blob: Blob) -> None:
        """The owner is about to write the content of a pool as this text."""
        self._texts[pool.name] = (blob, Known(content, pool))

    def note(self, stored: StoredPool, content: Mapping[str, Any] | None) -> None:
        """The owner has written this; without content it has to be read again."""
        self._known.pop(stored.pool.name, None)
        if content is not None:
            self._known[stored.pool.name] = (stored.revision, Known(content, stored.pool))
