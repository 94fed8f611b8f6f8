"""How many servers each backend has in the rendered configuration, counted once per part of it.

Parts are named by their content, so what was counted stays true for ever; a status that is asked for again and again
reads only the parts that changed.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

from pool_executor.bundle import Head, Part, count_servers

_MOST_PARTS = 8192


class ServerCounts:
    """Thread-safe; bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_part: OrderedDict[str, Mapping[str, int]] = OrderedDict()

    def of(self, head: Head, text_of: Callable[[Part], str | None]) -> Mapping[str, int] | None:
        """The number for each backend that has any; None when a part was removed meanwhile, as after a newer head."""
        total: dict[str, int] = {}
        for part in head.of_kind("config"):
            counts = self._known(part.sha256)
            if counts is None:
                text = text_of(part)
                if text is None:
                    return None
                counts = count_servers(text)
                self._learn(part.sha256, counts)
            total.update(counts)
        return total

    def _known(self, sha256: str) -> Mapping[str, int] | None:
        with self._lock:
            found = self._of_part.get(sha256)
            if found is not None:
                self._of_part.move_to_end(sha256)
            return found

    def _learn(self, sha256: str, counts: Mapping[str, int]) -> None:
        with self._lock:
            self._of_part[sha256] = counts
            while len(self._of_part) > _MOST_PARTS:
                self._of_part.popitem(last=False)
