"""What is sent as proof, held against the users as they are now; wrong passwords are bounded, sessions end.

Knows the clock and where requests come from. Does not know HTTP.
"""

import ipaddress
import threading

from api.users.throttle import Rate, Throttle
from api.users.user import User
from api.users.users import Users
from sdk.clock import Clock
from sdk.reread import Reread

SESSION_SECONDS = 12 * 3600.0
_OF_USER = Rate(burst=10, seconds=6.0)
_OF_ADDRESS = Rate(burst=100, seconds=0.6)
"""People behind one proxy share an address, and passwords for names that do not exist count here only."""


class WrongPassword(Exception):
    """The user is not known, or has another password; nobody is told which."""


class TooOften(Exception):
    """Too many wrong passwords: `seconds` until one is looked at again, the right one included."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"for {seconds:.0f} s no password is looked at")
        self.seconds = seconds


class Credentials:
    """Of the users of one API server."""

    def __init__(self, users: Reread[Users], clock: Clock) -> None:
        self._users, self._clock = users, clock
        self._lock = threading.Lock()
        self._of_user, self._of_address = Throttle(_OF_USER), Throttle(_OF_ADDRESS)

    def of_password(self, name: str, password: str, address: str) -> User:
        """The user with that name and password; WrongPassword, or TooOften before they are even compared."""
        source = _source(address)
        # By address, too: who guesses somebody's password must not lock him out everywhere.
        key = f"{source} {name[:64]}"
        now = self._clock.monotonic()
        with self._lock:
            wait = max(self._of_user.wait(key, now), self._of_address.wait(source, now))
        if wait > 0:
            raise TooOften(wait)
        user = self._users.get().by_password(name, password)
        if user is None:
            with self._lock:
                self._of_user.failed(key, now)
                self._of_address.failed(source, now)
            raise WrongPassword
        return user

    def of_token(self, token: str) -> User | None:
        """The user with that token. Nobody guesses one: it is as long as a key."""
        return self._users.get().by_token(token)

    def of_session(self, text: str) -> User | None:
        """The user with that session."""
        return self._users.get().by_session(text, self._clock.now())

    def open_session(self, user: User) -> tuple[str, float]:
        """The text of a new session of a user who has just shown his password, and when it ends; WrongPassword when he
        has none any more.
        """
        expires = self._clock.now() + SESSION_SECONDS
        text = self._users.get().open_session(user, expires)
        if text is None:
            raise WrongPassword
        return text, expires

    def page_token(self, text: str) -> str | None:
        """What pages send along with changes in that session; None when it is none."""
        users = self._users.get()
        user = users.by_session(text, self._clock.now())
        return None if user is None else users.page_token(user, text)


def _source(address: str) -> str:
    """Who has one address of version 6 has 2^64 of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
