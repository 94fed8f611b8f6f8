"""The last text of each pool template of which a pool was stored: `<root>/printed-templates/<template>`.

Whoever comes in charge goes on with it where the text that is stored now cannot be printed. Only texts of their own
are kept, the default one needs no place. Every method may raise StorageUnavailable.
"""

from collections.abc import Sequence

import structlog

from api.auto_pools.templates.stored_template import name_problem
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.storage.connection import Check, Create, Delete, Set, ZooKeeper, decode_json
from sdk.storage.nodes import encode_json

_SCHEMA = 1

log = structlog.get_logger()


class PrintedTexts:
    """Of one root. The `checks` have to hold when something is written; the StorageConflict of one is raised."""

    def __init__(self, zookeeper: ZooKeeper, root: str) -> None:
        self._zookeeper = zookeeper
        self._base = f"{root.rstrip('/')}/printed-templates"

    def get(self, template: str) -> str:
        """The text; empty for the default one, or where there is none that can be read."""
        found = self._zookeeper.get(path := self._path(template))
        if found is None:
            return ""
        try:
            record = decode_json(path, found[0])
        except CorruptRecord as error:
            log.error("The last text that was printed cannot be read", template=template, error=str(error))
            return ""
        match record:
            case {"schema": 1, "text": str(text)}:
                return text
        log.error(f"The last text that was printed is in no form that is known: {path}", template=template)
        return ""

    def put(self, template: str, text: str, checks: Sequence[Check] = ()) -> None:
        """Keep this one, whatever was kept."""
        if not text:
            self.delete(template, checks)
            return
        path, data = self._path(template), encode_json({"schema": _SCHEMA, "text": text})
        found = self._zookeeper.get(path)
        if found is None:
            self._zookeeper.ensure(self._base)
            self._zookeeper.multi([*checks, Create(path, data)])
        elif found[0] != data:
            self._zookeeper.multi([*checks, Set(path, data, found[1])])

    def delete(self, template: str, checks: Sequence[Check] = ()) -> None:
        """Forget it, if it is there."""
        path = self._path(template)
        if self._zookeeper.exists(path):
            self._zookeeper.multi([*checks, Delete(path)])

    def _path(self, template: str) -> str:
        # The last line of defence: no caller may reach another node through a name.
        if problem := name_problem(template):
            raise InvalidSpec("poolTemplate.name", f"{template[:80]} invalid: {problem}")
        return f"{self._base}/{template}"
