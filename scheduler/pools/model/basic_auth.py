"""Who may ask a frontend or backend, by name and password."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuthUser:
    """One of them; the hash is that of crypt(3)."""

    name: str
    password_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """Requests need name and password of one of `users` (HTTP basic), which browsers ask for with `realm`."""

    users: tuple[BasicAuthUser, ...]
    realm: str = "Restricted"
