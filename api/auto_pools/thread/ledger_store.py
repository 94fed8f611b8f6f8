"""Where it stands how old claims are: `<root>/auto-pools/<template>`, one node for each pool template.

Knows the node, and that a long text is packed. Does not know what the text says. Every method may raise
StorageUnavailable.
"""

import zlib
from collections.abc import Sequence

from api.auto_pools.templates.stored_template import name_problem
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.storage.connection import Check, Create, Delete, NodeExists, NoNode, Op, Set, ZooKeeper

#: Longer ones are packed; short ones are read by people, too.
_MOST_PLAIN = 20_000
#: Of the text; what says to be longer was not written by us.
_MOST = 64 * 1024 * 1024


class LedgerStore:
    """Of one root. The `checks` have to hold when something is written; the StorageConflict of one is raised."""

    def __init__(self, zookeeper: ZooKeeper, root: str) -> None:
        self._zookeeper = zookeeper
        self._base = f"{root.rstrip('/')}/auto-pools"

    def names(self) -> list[str]:
        """The templates that have one."""
        return self._zookeeper.children(self._base)

    def get(self, template: str) -> str | None:
        """The text; raises CorruptRecord when the node holds none."""
        path = self._path(template)
        found = self._zookeeper.get(path)
        if found is None:
            return None
        data = found[0]
        try:
            if not data.startswith(b"{"):
                unpacking = zlib.decompressobj()
                data = unpacking.decompress(data, _MOST)
                if not unpacking.eof:
                    raise CorruptRecord(path, "ends early, or is too long")
            return data.decode()
        except (zlib.error, UnicodeDecodeError) as error:
            raise CorruptRecord(path, f"is no ledger: {error}") from error

    def put(self, template: str, text: str, checks: Sequence[Check] = ()) -> None:
        """Write it, whatever stood there."""
        path = self._path(template)
        data = text.encode()
        data = data if len(data) <= _MOST_PLAIN else zlib.compress(data, 1)
        while True:
            write: Op = Set(path, data) if self._zookeeper.exists(path) else Create(path, data)
            try:
                self._zookeeper.multi([*checks, write])
            except (NodeExists, NoNode) as error:
                if any(check.path == error.path for check in checks):
                    raise
                self._zookeeper.ensure(self._base)
                continue
            return

    def delete(self, template: str, checks: Sequence[Check] = ()) -> None:
        """Remove it, if it is there."""
        path = self._path(template)
        try:
            self._zookeeper.multi([*checks, Delete(path)])
        except NoNode as error:
            if any(check.path == error.path for check in checks):
                raise

    def _path(self, template: str) -> str:
        # The last line of defence: no caller may reach another node through a name.
        if problem := name_problem(template):
            raise InvalidSpec("poolTemplate.name", f"{template[:80]} invalid: {problem}")
        return f"{self._base}/{template}"
