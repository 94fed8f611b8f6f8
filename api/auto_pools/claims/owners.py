"""Who stands behind an application, and may not have all that there is. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from api.auto_pools.claim import App

_SHARE = 8


class Owner(NamedTuple):
    """A framework, or the applications below one of the first groups of a Marathon."""

    framework: str
    group: str = ""

    def __str__(self) -> str:
        return f"the applications below /{self.group} of {self.framework}" if self.group else self.framework


def owners_of(app: App) -> Iterator[Owner]:
    """Those of an application; one in no group of its Marathon has none but the framework."""
    yield Owner(app.framework)
    group, slash, _ = app.name.strip("/").partition("/")
    if app.marathon and slash:
        yield Owner(app.framework, group)


def leaves_enough(has: int, left: int) -> bool:
    """Whether there is room for others: whoever has much leaves an eighth of it.

    So one owner gets eight ninths where nobody else wants any, two of them get eight seventeenths each, and however
    many there are the next one finds something. Nobody has to say how many there will be.
    """
    return has // _SHARE <= left


class Family(NamedTuple):
    """Applications that trust each other: those of one framework, and of one group where it is a Marathon."""

    framework: str
    group: str


def family_of(app: App) -> Family:
    """That of an application."""
    return Family(app.framework, app.name.rpartition("/")[0] if app.marathon else "")
