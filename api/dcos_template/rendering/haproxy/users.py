"""Whom a listener or a backend asks for name and password."""

from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require
from scheduler.pools.words import users as rules


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One of them."""

    name: str
    password_hash: str

    def __post_init__(self) -> None:
        require(rules.user_name(self.name) is None, "basicAuth.name", f"{self.name!r} is no name")
        require(rules.password_hash(self.password_hash) is None, "basicAuth.passwordHash", f"of {self.name} is none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """All of them, and what their browsers are told."""

    realm: str
    users: tuple[User, ...]

    def __post_init__(self) -> None:
        require(rules.realm(self.realm) is None, "basicAuth.realm", f"{self.realm!r} is no realm")
        require(bool(self.users), "basicAuth.users", "are none, so that nobody could ask")
        require(len({user.name for user in self.users}) == len(self.users), "basicAuth.users", "have a name twice")
