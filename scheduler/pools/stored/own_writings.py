"""What somebody has written of pools last: he need not read it again. Any thread may ask.

What he is about to write is noted by the text that will hold it: whoever comes upon a node that names this text knows
what it says, whoever wrote it.
"""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, TypeVar

from scheduler.pools.model import Pool, Revision
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.sparse import Known
from sdk.storage.blobs import Blob

T = TypeVar("T")

#: Pools that are remembered, each with its JSON.
_MOST = 64


class OwnWritings:
    """What its owner has written last of each pool: while nobody else writes, only what changed is written anew."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[str, tuple[Revision, Known]] = OrderedDict()
        self._texts: OrderedDict[str, tuple[Blob, Known]] = OrderedDict()
        self._lock = Lock()

    def of(self, name: str, revision: Revision) -> Known | None:
        """The pool with its JSON, if it is in the state that the owner has written."""
        with self._lock:
            found = self._known.get(name)
        return found[1] if found is not None and found[0] == revision else None

    def text(self, name: str, blob: Blob) -> Known | None:
        """The pool with its JSON that this text holds, if the owner has written it."""
        with self._lock:
            found = self._texts.get(name)
        return found[1] if found is not None and found[0] == blob else None

    def begin(self, pool: Pool, content: Mapping[str, Any], blob: Blob) -> None:
        """The owner is about to write the content of a pool as this text."""
        with self._lock:
            self._keep(self._texts, pool.name, (blob, Known(content, pool)))

    def note(self, stored: StoredPool, content: Mapping[str, Any] | None) -> None:
        """The owner has written this; without content it has to be read again."""
        name = stored.pool.name
        with self._lock:
            self._known.pop(name, None)
            if content is not None:
                self._keep(self._known, name, (stored.revision, Known(content, stored.pool)))

    def _keep(self, kept: OrderedDict[str, T], name: str, value: T) -> None:
        kept[name] = value
        kept.move_to_end(name)
        while len(kept) > self._most:
            kept.popitem(last=False)
