"""Every change that a user made is noted: who, what, when, from where.

It is noted after it was made: a note that cannot be written takes nothing back, and the log says what it would have
said.
"""

import structlog
from flask import Flask, Response, g, request

from api.changes.change import LONGEST_PATH, Change
from api.changes.change_log import ChangeLog
from api.web.authentication import account, changed_pool
from api.web.permissions import NEEDS, Needs, pool_meant
from sdk.clock import Clock
from sdk.errors import StorageUnavailable

_log = structlog.get_logger()

_CHANGING = frozenset(Needs) - {Needs.NOTHING, Needs.READER}


def note_changes(app: Flask, log: ChangeLog, clock: Clock) -> None:
    """Note each change that `app` answered with success."""

    @app.after_request
    def note(response: Response) -> Response:
        needs = NEEDS.get(request.endpoint or "")
        done = response.status_code < 400 and request.method != "OPTIONS" and not g.get("rehearsed", False)
        if needs in _CHANGING and done:
            name = (request.view_args or {}).get("name", "")
            _note(log, clock, changed_pool() or pool_meant(needs, name))
        return response


def _note(log: ChangeLog, clock: Clock, name: str) -> None:
    change = Change(
        at=clock.now(),
        user=account(),
        client=request.remote_addr or "",
        method=request.method,
        path=request.path[:LONGEST_PATH],
        name=name,
    )
    try:
        log.add(change)
    except StorageUnavailable as error:
        _log.warning("A change could not be noted", user=change.user, path=change.path, why=str(error))
