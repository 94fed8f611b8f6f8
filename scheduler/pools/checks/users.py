"""Whom a frontend or backend asks for a password: each name once."""

from collections.abc import Iterator, Sequence

from scheduler.pools.model.basic_auth import BasicAuth
from scheduler.pools.problems import Problem


def user_problems(path: str, asked: BasicAuth | None) -> Iterator[Problem]:
    """Of the field `basicAuth` at `path`."""
    if asked is not None:
        yield from twice(f"{path}.users", "name", [user.name for user in asked.users])


def twice(path: str, field: str, values: Sequence[object]) -> Iterator[Problem]:
    """The entries of a list whose field has a value that an earlier one has."""
    seen: dict[object, int] = {}
    for at, value in enumerate(values):
        if value in seen:
            yield Problem(path=f"{path}[{at}].{field}", value=str(value), rule=f"is that of [{seen[value]}], too")
        seen.setdefault(value, at)
