"""The users' file as it stands on the disk, read again when it changes. What it says is read in users_file.py."""

import os
from pathlib import Path

import structlog

from api.users.users import Users
from api.users.users_file import BadUsers, parse_users
from sdk.clock import Clock
from sdk.errors import InvalidSpec
from sdk.reread import Reread

_log = structlog.get_logger()

_LONGEST = 4 * 1024 * 1024


def users_on_disk(path: Path, setting: str, clock: Clock) -> Reread[Users]:
    """The users of a file that people edit while the server runs: one that is gone or has a mistake changes nothing.

    Raises InvalidSpec with the setting's name when there is nothing to go on with.
    """
    return Reread((path,), lambda: _read(path, setting), clock=clock)


def _read(path: Path, setting: str) -> Users:
    try:
        with path.open("rb") as file:
            others = os.fstat(file.fileno()).st_mode & 0o077
            text = file.read(_LONGEST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidSpec(setting, f"{path} cannot be read: {reason}") from error
    if len(text) > _LONGEST:
        raise InvalidSpec(setting, f"{path} is larger than {_LONGEST} bytes")
    try:
        users = Users(parse_users(text))
    except BadUsers as error:
        raise InvalidSpec(setting, f"{path} {error}") from error
    if others:
        # Who reads it can make sessions of every user who has a password.
        _log.warning("Others than its owner may use the users' file: chmod 600", file=str(path))
    return users
