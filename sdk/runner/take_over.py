"""Taking over: what is stored becomes the state with which a term of leadership begins.

Knows that ZooKeeper may be away for long, and that what cannot be read must not be acted without. Does not know what
the state is for.
"""

import dataclasses
from collections.abc import Collection

import structlog

from sdk.core import decide as core
from sdk.core.settings import Settings
from sdk.core.state import State
from sdk.errors import PermanentFailure, StorageUnavailable
from sdk.framework_store import FrameworkStore, Stored
from sdk.model.records import FrameworkRecord
from sdk.runner.frames import STORAGE
from sdk.runner.term import Term


class TakeOver:
    """Reads what is stored of one framework, as often as it takes."""

    def __init__(self, *, name: str, store: FrameworkStore, own_roles: Collection[str], settings: Settings) -> None:
        """`own_roles` are those of the framework's configuration."""
        self.error: str | None = None
        """Why it does not come to an end, None while it does."""
        self._name = name
        self._store = store
        self._own_roles = frozenset(own_roles)
        self._settings = settings
        self._log = structlog.get_logger().bind(framework=name)

    def state(self, term: Term) -> State | None:
        """The state to begin with; None when the term ended first."""
        stored = self._load(term)
        if stored is None:
            return None
        self.error = None
        record = stored.framework or FrameworkRecord(name=self._name)
        # The core has to know every role that we subscribe with: offers come in it, wanted or not.
        record = dataclasses.replace(record, roles=tuple(sorted(self._own_roles.union(record.roles))))
        state = stored.state(record, self._settings)
        for name, why in core.problems(state).items():
            self._log.error("What is stored cannot be read; it is left as it is", service=name, why=why)
        pods = len(state.pods)
        self._log.info("Taking charge", services=len(stored.services), pods=pods, framework_id=record.framework_id)
        return state

    def _load(self, term: Term) -> Stored | None:
        attempts = STORAGE.attempts(
            on=(StorageUnavailable, PermanentFailure), pause=term.pause, alive=term.alive, failed=self._not_loaded
        )
        try:
            for attempt in attempts:
                with attempt:
                    if not term.alive():
                        return None
                    return self._store.load()
        except (StorageUnavailable, PermanentFailure):
            pass  # the term is over; the failure was told
        return None

    def _not_loaded(self, error: BaseException, _seconds: float) -> None:
        why = str(error)
        if isinstance(error, PermanentFailure):
            # Acting without a record could kill or lose what it told about: an operator has to look at the node.
            why = f"stored state cannot be read: {error}; repair or remove that node"
            if why != self.error:
                self._log.error("Stored state cannot be read; not subscribing", error=str(error))
        self.error = why
