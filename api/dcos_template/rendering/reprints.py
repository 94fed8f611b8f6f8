"""Files of backends that were printed before: of a pool that changes most come out as they were.

Knows of each file the backends in it and its text, and forgets the oldest. Does not know how a file is printed.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from api.dcos_template.rendering.haproxy import Backend
from api.dcos_template.rendering.printed import Text

#: Characters of all texts together.
_MOST = 8_000_000


class Reprints:
    """One thread uses it."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._size = 0
        self._files: OrderedDict[tuple[str, str], tuple[Sequence[Backend], Text]] = OrderedDict()

    def text(self, pool: str, name: str, backends: Sequence[Backend], make: Callable[[], Text]) -> Text:
        """The file of that name, made if it is not the one that was printed last."""
        key = pool, name
        there = self._files.get(key)
        if there is not None and there[0] == backends:
            self._files.move_to_end(key)
            return there[1]
        made = make()
        if there is not None:
            self._forget(key)
        self._files[key] = backends, made
        self._size += len(made.text)
        while self._size > self._most:
            self._forget(next(iter(self._files)))
        return made

    def _forget(self, key: tuple[str, str]) -> None:
        _, text = self._files.pop(key)
        self._size -= len(text.text)
