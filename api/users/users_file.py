"""The file of the users: TOML, a table for each user. Knows its form and the mistakes in it; does not read it. Pure.

What is wrong is told with the user's name, never with a password or a token, not even with its hash.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.users.user import Role, User

HASH = re.compile(r"(scrypt|pbkdf2):[^$\s]+\$[^$\s]+\$[0-9a-f]+")
"""A password as werkzeug hashes it."""
TOKEN = re.compile(r"sha256:[0-9a-f]{64}")
"""A token is a long random text: it needs no slow hash."""
_EARLIER = re.compile(r"(?:[ \t\r]*(?:#.*)?\n)*[ \t]*[^\s:=\[\]#'\"]+:.")
"""The first line that is neither empty nor a comment, as the file had them before there were roles."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")
_PATTERN = re.compile(r"[a-z0-9*-]{1,128}")
_MOST_USERS = 10_000
_MOST_PATTERNS = 100


class BadUsers(Exception):
    """The text is no file of users; the message says where and why, as the end of a sentence about the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A user with the hashes of what proves that it is he."""

    user: User
    password: str | None
    tokens: tuple[str, ...]


def parse_users(text: str) -> tuple[Entry, ...]:
    """The users of the file; BadUsers with the first mistake."""
    try:
        tables = tomllib.loads(text)
    except ValueError as error:  # also of a number that is too long
        if _EARLIER.match(text):
            rule = "make a table of each user, as edgelb user prints it"
            raise BadUsers(f"holds lines user:password, as it did before there were roles; {rule}") from error
        raise BadUsers(f"is not TOML: {error}") from error
    except RecursionError as error:
        raise BadUsers("is not TOML: it is nested too deeply") from error
    if not tables:
        raise BadUsers("names no user; a user is a table such as [ops] with role and password")
    if len(tables) > _MOST_USERS:
        raise BadUsers(f"names more than {_MOST_USERS} users")
    entries = tuple(_entry(name, table) for name, table in tables.items())
    tokens = [token for entry in entries for token in entry.tokens]
    if len(tokens) != len(set(tokens)):
        raise BadUsers("gives the same token twice")
    return entries


def _entry(name: str, table: object) -> Entry:
    if not _NAME.fullmatch(name):
        rule = "must be 1 to 64 letters, digits and _.@+-, beginning with a letter, a digit or _"
        raise BadUsers(f"has a user {name[:80]!r}, whose name {rule}")
    if not isinstance(table, dict):
        raise BadUsers(f"has {name} outside of a user's table; a user is a table such as [ops]")
    unknown = sorted(set(table) - {"role", "pools", "password", "tokens"})
    if unknown:
        raise BadUsers(f"has {name}.{unknown[0][:80]}, which is not known; there are role, pools, password and tokens")
    role = _role(name, table)
    password, tokens = table.get("password"), _texts(name, table, "tokens")
    if password is not None and not (isinstance(password, str) and HASH.fullmatch(password)):
        raise BadUsers(f"has a {name}.password that is no hash of one; edgelb user makes it")
    if not all(TOKEN.fullmatch(token) for token in tokens):
        raise BadUsers(f"has one of {name}.tokens that is no hash of one; edgelb user makes it")
    if password is None and not tokens:
        raise BadUsers(f"gives {name} neither a password nor tokens")
    return Entry(
        user=User(name=name, role=role, pools=_pools(name, table, role)), password=password, tokens=tuple(tokens)
    )


def _role(name: str, table: Mapping[str, Any]) -> Role:
    role = table.get("role")
    if role not in [*Role]:
        raise BadUsers(f"must say {name}.role: {', '.join(Role)}")
    return Role(str(role))


def _pools(name: str, table: Mapping[str, Any], role: Role) -> tuple[str, ...]:
    patterns = _texts(name, table, "pools")
    if role is not Role.OPERATOR:
        if "pools" in table:
            raise BadUsers(f"has {name}.pools, which only an operator has; {name} is {role}")
        return ()
    if not patterns:
        raise BadUsers(f'must say {name}.pools, the names of the pools that are his, such as ["shop-*"], or ["*"]')
    if len(patterns) > _MOST_PATTERNS or not all(map(_PATTERN.fullmatch, patterns)):
        rule = f"at most {_MOST_PATTERNS} names of pools, in which * stands for any characters"
        raise BadUsers(f"has {name}.pools that are not {rule}")
    return tuple(patterns)


def _texts(name: str, table: Mapping[str, Any], key: str) -> list[str]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadUsers(f"has {name}.{key} that is no list of texts")
    return found
