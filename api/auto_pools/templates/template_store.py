"""Pool templates in ZooKeeper: the nodes below `<root>/pool-templates`, changed under conditions.

Knows revisions (an ETag is one), that somebody else may write at any moment, and that the default template is made
once. Does not check texts. Every method may raise StorageUnavailable.
"""

import secrets
from collections.abc import Callable
from typing import TypeVar

from api.auto_pools.templates.stored_template import (
    DEFAULT_TEMPLATE,
    NewerForm,
    StoredTemplate,
    decode,
    encode,
    name_problem,
)
from scheduler.pools.model import Revision
from scheduler.pools.stored.mismatch import mismatch
from sdk.clock import Clock, SystemClock
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.storage.connection import BadVersion, Check, Create, Delete, NodeExists, NoNode, Op, Set, ZooKeeper
from sdk.storage.record_watch import RecordWatch
from sdk.storage.view import RecordView

TemplateView = RecordView[StoredTemplate]
TemplateWatch = RecordWatch[StoredTemplate]

#: Stands in the node above all templates once the default one was made there.
_MADE = b'{"default":"made"}'

T = TypeVar("T")


class TemplateExists(Exception):
    """There is a pool template of that name already."""


class TemplateMissing(Exception):
    """There is no pool template of that name."""


class TemplateStore:
    """Reads and writes the pool templates of one root."""

    def __init__(self, zookeeper: ZooKeeper, root: str, clock: Clock | None = None) -> None:
        self._zookeeper = zookeeper
        self._base = f"{root.rstrip('/')}/pool-templates"
        self._clock = clock or SystemClock()

    def get(self, name: str) -> StoredTemplate | None:
        """The template, or None. Raises CorruptRecord when what is stored is none."""
        path = self._path(name)
        found = self._zookeeper.get(path)
        return None if found is None else decode(path, found[0])

    def exists(self, name: str) -> bool:
        """Whether there is such a template, readable or not."""
        return self._zookeeper.exists(self._path(name))

    def expect(self, name: str, expected: str | None = None) -> StoredTemplate | None:
        """The template as `set_text` and `delete` would find it, None where it is damaged; raises what they raise."""
        path = self._path(name)
        found = self._zookeeper.get(path)
        if found is None:
            raise _missing(name)
        now = _readable(path, found[0])
        _require(name, expected, now)
        return now

    def all(self) -> TemplateView:
        """All templates, read together."""
        names = [name for name in self._zookeeper.children(self._base) if name_problem(name) is None]
        paths = [f"{self._base}/{name}" for name in names]
        templates, unreadable = {}, {}
        for name, path, data in zip(names, paths, self._zookeeper.get_all(paths), strict=True):
            try:
                if data is not None:
                    templates[name] = decode(path, data)
            except CorruptRecord as error:
                unreadable[name] = str(error)
        return TemplateView(templates, unreadable)

    def watch(self, callback: Callable[[TemplateView], None]) -> TemplateWatch:
        """Call back with all once they are known, then at every change; on the connection's callback thread."""
        return RecordWatch(
            self._zookeeper,
            self._base,
            callback,
            is_name=lambda name: name_problem(name) is None,
            read=lambda path, found: decode(path, found[0]),
        )

    def create(self, name: str, author: str = "") -> StoredTemplate:
        """Store a new template, which is like the default one. Raises TemplateExists, InvalidSpec for a wrong name."""
        path, made = self._path(name), self._made(name, author)
        self._zookeeper.ensure(self._base)
        while True:
            above = self._zookeeper.get(self._base)
            assert above is not None
            try:
                # The node above is written along: whoever replaces a template checks that none was created since he
                # looked.
                self._zookeeper.multi([Set(self._base, *above), Create(path, encode(made))])
            except NodeExists as error:
                raise exists(name) from error
            except (BadVersion, NoNode):
                continue  # somebody else was faster
            return made

    def make_default(self) -> bool:
        """Make the default template where that was never done; whether it was made now.

        One that was deleted stays so.
        """
        path, made = self._path(DEFAULT_TEMPLATE), self._made(DEFAULT_TEMPLATE, "")
        self._zookeeper.ensure(self._base)
        while True:
            data, version = self._zookeeper.get(self._base) or (b"", 0)
            if data == _MADE:
                return False
            done = Set(self._base, _MADE, version)
            try:
                if self._zookeeper.exists(path):
                    self._zookeeper.multi([done])
                    return False
                self._zookeeper.multi([done, Create(path, encode(made))])
            except (NodeExists, BadVersion, NoNode):
                continue  # somebody else was faster
            return True

    def set_text(self, name: str, text: str, expected: str | None = None, author: str = "") -> StoredTemplate:
        """Store another text, `""` for the default one; the template keeps its uid.

        `expected` is the revision as text that it must have, None for any. Raises TemplateMissing, VersionMismatch,
        CorruptRecord when a newer release wrote it in a form of its own.
        """

        def written(path: str, now: StoredTemplate | None, version: int) -> tuple[Op, StoredTemplate]:
            # Whoever writes a damaged one anew mends it.
            now = now or self._made(name, author)
            revision = now.revision._replace(version=max(now.revision.version, version + 1) + 1)
            stored = now._replace(text=text, revision=revision, author=author)
            return Set(path, encode(stored), version), stored

        return self._change(name, expected, written)

    def delete(self, name: str, expected: str | None = None) -> None:
        """Remove a template; `expected` as in `set_text`. Raises TemplateMissing, VersionMismatch."""
        self._change(name, expected, lambda path, _now, version: (Delete(path, version), None))

    def _change(
        self,
        name: str,
        expected: str | None,
        change: Callable[[str, StoredTemplate | None, int], tuple[Op, T]],
    ) -> T:
        """Carry `change` out on the state that is stored, None for a damaged one, if it is the expected one."""
        path = self._path(name)
        while True:
            above = self._zookeeper.stat(self._base)
            found = self._zookeeper.get(path) if above else None
            if above is None or found is None:
                raise _missing(name)
            now = _readable(path, found[0])
            _require(name, expected, now)
            op, result = change(path, now, found[1])
            try:
                # The version alone does not tell a template that was deleted and created again.
                self._zookeeper.multi([Check(self._base, above.version), op])
            except (BadVersion, NoNode):
                continue  # something was written in between: look again
            return result

    def _made(self, name: str, author: str) -> StoredTemplate:
        return StoredTemplate(name, Revision(secrets.token_hex(6), 1), "", self._clock.now(), author)

    def _path(self, name: str) -> str:
        # The last line of defence: no caller may reach another node through a name.
        if problem := name_problem(name):
            raise InvalidSpec("poolTemplate.name", f"{name[:80]} invalid: {problem}")
        return f"{self._base}/{name}"


def _readable(path: str, data: bytes) -> StoredTemplate | None:
    try:
        return decode(path, data)
    except NewerForm:
        raise
    except CorruptRecord:
        return None


def _require(name: str, expected: str | None, now: StoredTemplate | None) -> None:
    revision = now.revision if now is not None else Revision("", 0)
    if expected not in (None, str(revision)):
        raise mismatch(f"pool template {name}", str(expected), revision)


def exists(name: str) -> TemplateExists:
    """The template is there already."""
    return TemplateExists(f"pool template {name} exists already; update it, or delete it first")


def _missing(name: str) -> TemplateMissing:
    return TemplateMissing(f"pool template {name} not found; create it first")
