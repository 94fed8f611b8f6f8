"""Lines of a section that are in HAProxy's own words."""

from collections.abc import Iterable
from dataclasses import dataclass

from api.dcos_template.haproxy.grammar import require
from scheduler.pools.raw import Place, line_problem, printed_line

#: What has to stand before all rules of HTTP: HAProxy warns else, and conditions are named before they are used.
_FIRST = frozenset({"acl", "tcp-request"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFrontend:
    """The lines of a frontend, each kind in the order given."""

    first: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    """Those that choose a backend."""

    @classmethod
    def of(cls, texts: Iterable[str], path: str) -> "RawFrontend":
        """Raises InvalidSpec with the number of the first one that may not stand there."""
        lines = [(line.partition(" ")[0], line) for line in raw_lines(texts, Place.FRONTEND, path)]
        return cls(
            first=tuple(line for word, line in lines if word in _FIRST),
            rules=tuple(line for word, line in lines if word not in (*_FIRST, "use_backend")),
            routes=tuple(line for word, line in lines if word == "use_backend"),
        )


def raw_lines(texts: Iterable[str], place: Place, path: str) -> tuple[str, ...]:
    """The lines as they are printed; raises InvalidSpec with the number of the first one that may not stand there."""
    lines = []
    for number, text in enumerate(texts):
        problem = line_problem(text, place)
        require(problem is None, f"{path}[{number}]", problem or "")
        lines.append(printed_line(text, place))
    return tuple(lines)
