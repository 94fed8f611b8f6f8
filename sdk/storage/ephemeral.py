"""An ephemeral node that this process keeps in place: made again after a session loss or a deletion.

The path belongs to this process alone: a node of another session found there (our own, from before a restart, which the
server has not ended yet) is replaced.
"""

from sdk.errors import StorageUnavailable
from sdk.storage.kept import Keeper, Kept
from sdk.storage.nodes import BadVersion, Create, Delete, NodeExists, NoNode, check_size
from sdk.storage.requests import Requests
from sdk.storage.session import Session


class Ephemeral(Kept):
    """An ephemeral node that this process keeps in place; see the module."""

    wants_last_run = True
    retry_after_error = True

    def __init__(self, session: Session, keeper: Keeper, requests: Requests, path: str, data: bytes) -> None:
        super().__init__(session, keeper, path)
        self._requests = requests
        check_size(path, len(data))
        self._data = data
        self._told = True
        """Whether the watch said something, or was never armed."""
        self._known: tuple[int, int, bytes] | None = None
        """What we wrote last: in which session, as which version, and what. Spares two of three requests."""

    def set(self, data: bytes) -> None:
        """Write soon, at the latest after the next connection; of several calls the last one counts."""
        check_size(self.path, len(data))
        self._data = data
        if not self.closed:
            self._keeper.schedule(self)

    def close(self) -> None:
        """Remove the node, as soon as there is a connection."""
        self.closed = True
        self._keeper.schedule(self)

    def refresh(self) -> None:
        """Make the node what it shall be; called on the connection's own thread."""
        data = self._data
        session = self._session.identity
        if session is None:
            raise StorageUnavailable("there is no session")
        if self.closed:
            self._remove(session[0])
            return
        try:
            self._write(session[0], data)
        except (NodeExists, NoNode, BadVersion):
            # It changed while we looked (the old session ended, or somebody removed it): look again.
            self._told, self._known = True, None
            self._keeper.schedule(self)

    def _on_event(self, event: object) -> None:
        self._told = True
        super()._on_event(event)

    def _write(self, session: int, data: bytes) -> None:
        requests = self._requests
        known = self._known if self._known is not None and self._known[0] == session else None
        if self._told or known is None:
            self._told = False
            stat = requests.stat(self.path)
            if stat is None:
                requests.create(self.path, data, ephemeral=True)
                known = session, 0, data
            elif stat.owner != session:
                requests.multi([Delete(self.path, stat.version), Create(self.path, data, ephemeral=True)])
                known = session, 0, data
            elif known is None or stat.version != known[1]:
                found = requests.get(self.path)
                known = None if found is None else (session, found[1], found[0])
            # It has no children: this watch tells of its end alone. One on its data would tell of each of our writes.
            self._session.do(self.path, self._session.client.get_children_async, self.path, watch=self._on_event)
        if known is None:
            raise NoNode(self.path, "went while it was looked at")
        if known[2] != data:
            known = session, requests.set(self.path, data, known[1]), data
        self._known = known

    def _remove(self, session_id: int) -> None:
        requests = self._requests
        stat = requests.stat(self.path)
        if stat is not None and stat.owner == session_id:
            requests.delete(self.path)
        self._keeper.forget(self)
