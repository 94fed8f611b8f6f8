"""The users' file as it is now: looked at again when it changed, and not believed when it has a mistake.

Knows the file system and the clock. What a file says is read in users_file.py.
"""

import os
import threading
from pathlib import Path

import structlog

from api.users.users import Users
from api.users.users_file import BadUsers, parse_users
from sdk.clock import Clock
from sdk.errors import InvalidSpec

_log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_LONGEST = 4 * 1024 * 1024

_Stamp = tuple[int, int, int]


class FollowedUsers:
    """The users of a file that people edit while the server runs.

    A file that is gone, or has a mistake, changes nothing: the users before it go on, and the log says so once.
    """

    def __init__(self, path: Path, setting: str, clock: Clock) -> None:
        """Reads it; raises InvalidSpec with the setting's name when there is nothing to go on with."""
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._looked = clock.monotonic()
        try:
            self._stamp: _Stamp | None = _stamp(path)
            self._users = _read(path)
        except BadUsers as error:
            raise InvalidSpec(setting, str(error)) from error

    def now(self) -> Users:
        """The users that count."""
        with self._lock:
            present = self._clock.monotonic()
            if present - self._looked >= _LOOK_SECONDS:
                self._looked = present
                self._look()
            return self._users

    def _look(self) -> None:
        try:
            stamp = _stamp(self._path)
        except BadUsers as error:
            if self._stamp is not None:
                self._stamp = None
                self._keep(error)
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._users = _read(self._path)
        except BadUsers as error:
            self._keep(error)
        else:
            _log.info("The users' file was read again", file=str(self._path))

    def _keep(self, error: BadUsers) -> None:
        _log.warning("The users' file cannot be used; the users that were read before go on", problem=str(error))


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError as error:
        raise BadUsers(f"{path} cannot be read: {error.strerror}") from error
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> Users:
    try:
        with path.open("rb") as file:
            others = os.fstat(file.fileno()).st_mode & 0o077
            text = file.read(_LONGEST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadUsers(f"{path} cannot be read: {reason}") from error
    if len(text) > _LONGEST:
        raise BadUsers(f"{path} is larger than {_LONGEST} bytes")
    try:
        users = Users(parse_users(text))
    except BadUsers as error:
        raise BadUsers(f"{path} {error}") from error
    if others:
        # Who reads it can make sessions of every user who has a password.
        _log.warning("Others than its owner may use the users' file: chmod 600", file=str(path))
    return users
