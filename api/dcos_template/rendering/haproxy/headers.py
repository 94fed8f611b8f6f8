"""What a listener changes in headers."""

from dataclasses import dataclass

from api.dcos_template.rendering.haproxy.grammar import require
from scheduler.pools.raw import printed
from scheduler.pools.words.headers import header_name, header_value

_ACTIONS = frozenset({"set-header", "add-header", "del-header"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderChange:
    """One of them, in HAProxy's words."""

    action: str
    name: str
    value: str = ""

    def __post_init__(self) -> None:
        require(self.action in _ACTIONS, "header.action", f"{self.action!r} is nothing that is done with a header")
        require(header_name(self.name) is None, "header.name", f"{self.name!r} is not to be changed")
        removes = self.action == "del-header"
        wrong = bool(self.value) if removes else header_value(self.value) is not None
        require(not wrong, "header.value", f"{self.value!r:.80} is no value for {self.name}")

    @property
    def words(self) -> str:
        """What HAProxy is told: a value is a format to it, in which a percent sign stands twice."""
        value = [self.value.replace("%", "%%")] if self.value else []
        return printed([self.action, self.name, *value])


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """All changes, in order."""

    request: tuple[HeaderChange, ...] = ()
    response: tuple[HeaderChange, ...] = ()
    hsts: HeaderChange | None = None
