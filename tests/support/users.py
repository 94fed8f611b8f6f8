"""Users of the API for tests: entries of their file, with a fast hash, and a clock that tests turn."""

from collections.abc import Sequence
from pathlib import Path

from werkzeug.security import generate_password_hash

from api.users.credentials import Credentials
from api.users.on_disk import users_on_disk
from sdk.clock import SystemClock

PASSWORD = "right ü"
_HASH = generate_password_hash(PASSWORD, method="pbkdf2:sha256:1")


def entry(
    name: str, role: str, *, password: str | None = None, tokens: Sequence[str] = (), pools: Sequence[str] = ()
) -> str:
    """The table of a user, with PASSWORD unless it gives tokens or another hash."""
    lines = [f"[{name}]", f'role = "{role}"']
    if pools:
        lines.append(f"pools = {list(pools)!r}")
    if tokens:
        lines.append(f"tokens = {list(tokens)!r}")
    if password is not None or not tokens:
        lines.append(f'password = "{password or _HASH}"')
    return "\n".join([*lines, "", ""])


OPS = entry("ops", "admin")
ALICE = entry("alice", "operator", pools=["shop-*"])


def credentials(directory: Path, *entries: str) -> Credentials:
    """Those of users whose file stands in the folder."""
    file = directory / "users.toml"
    file.write_text("".join(entries))
    file.chmod(0o600)
    return Credentials(users_on_disk(file, "credentials-file", SystemClock()), SystemClock())


class TurnedClock:
    """Both times go on when the test says so."""

    def __init__(self) -> None:
        self._now = 1_000_000.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return self._now

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
