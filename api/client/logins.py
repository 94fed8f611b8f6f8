"""Sessions that `edgelb login` opened, kept for later commands in a file that only their owner reads.

Knows the file. Does not know how sessions are opened, nor whether the API still takes one.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LONGEST = 1024 * 1024


class LoginsUnusable(Exception):
    """The file cannot be read or written; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A session at one API."""

    user: str
    token: str = field(repr=False)
    expires: float
    """Seconds since the epoch."""


class Logins:
    """All that one person has, by the URL of the API."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Logins":
        """Where the person with this environment keeps them."""
        config = environment.get("XDG_CONFIG_HOME", "")
        folder = Path(config) if config.startswith("/") else Path(environment.get("HOME") or "/nonexistent", ".config")
        return cls(folder / "edgelb" / "logins.json")

    def get(self, base: str, now: float) -> Login | None:
        """That at this API, unless it is over. LoginsUnusable."""
        login = self._all().get(base)
        return login if login is not None and login.expires > now else None

    def put(self, base: str, login: Login) -> None:
        """Keep it. LoginsUnusable."""
        self._write({**self._all(), base: login})

    def remove(self, base: str) -> bool:
        """Forget that at this API; whether there was one. LoginsUnusable."""
        kept = self._all()
        if kept.pop(base, None) is None:
            return False
        self._write(kept)
        return True

    def _all(self) -> dict[str, Login]:
        try:
            with self.path.open("rb") as file:
                stored = json.loads(file.read(_LONGEST))
            return {str(base): _login(one) for base, one in stored.items()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise LoginsUnusable(f"{self.path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LoginsUnusable(f"{self.path} is not what edgelb login wrote; delete it and log in anew") from error

    def _write(self, logins: Mapping[str, Login]) -> None:
        stored = {base: {"user": it.user, "token": it.token, "expires": it.expires} for base, it in logins.items()}
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made with mode 0600, and put in place as a whole: another command may read it now.
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".logins-")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(stored, file, indent=2)
                Path(name).replace(self.path)
            except OSError:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            raise LoginsUnusable(f"{self.path} cannot be written: {error.strerror}") from error


def _login(stored: Any) -> Login:
    return Login(user=str(stored["user"]), token=str(stored["token"]), expires=float(stored["expires"]))
