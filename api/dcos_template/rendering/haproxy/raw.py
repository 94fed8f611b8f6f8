"""Lines of a section that are in HAProxy's own words."""

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.pools.raw import BadWords, Place, printed_line
from sdk.errors import InvalidSpec

#: What has to stand before all rules of HTTP: HAProxy warns else, and conditions are named before they are used.
_FIRST = frozenset({"acl", "tcp-request"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLine:
    """A line as it is printed."""

    number: int
    """Its place in the pool's list, from 0."""
    text: str

    @property
    def keyword(self) -> str:
        """How it begins."""
        return self.text.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFrontend:
    """The lines of a frontend, each kind in the order given."""

    first: tuple[RawLine, ...] = ()
    rules: tuple[RawLine, ...] = ()
    routes: tuple[RawLine, ...] = ()
    """Those that choose a backend."""

    @classmethod
    def of(cls, texts: Iterable[str], path: str) -> "RawFrontend":
        """Raises InvalidSpec with the number of the first one that may not stand there."""
        printed = raw_lines(texts, Place.FRONTEND, path)
        lines = [RawLine(number=number, text=text) for number, text in enumerate(printed)]
        return cls(
            first=tuple(line for line in lines if line.keyword in _FIRST),
            rules=tuple(line for line in lines if line.keyword not in (*_FIRST, "use_backend")),
            routes=tuple(line for line in lines if line.keyword == "use_backend"),
        )


def raw_lines(texts: Iterable[str], place: Place, path: str) -> tuple[str, ...]:
    """The lines as they are printed; raises InvalidSpec with the number of the first one that may not stand there."""
    lines = []
    for number, text in enumerate(texts):
        try:
            lines.append(printed_line(text, place))
        except BadWords as error:
            raise InvalidSpec(f"{path}[{number}]", str(error)) from error
    return tuple(lines)
