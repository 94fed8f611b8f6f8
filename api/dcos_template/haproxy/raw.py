"""Lines of a section that are in HAProxy's own words."""

from collections.abc import Iterable

from api.dcos_template.haproxy.grammar import require
from scheduler.pools.raw import Place, line_problem, printed_line


def raw_lines(texts: Iterable[str], place: Place, path: str) -> tuple[str, ...]:
    """The lines as they are printed; raises InvalidSpec with the number of the first one that may not stand there."""
    lines = []
    for number, text in enumerate(texts):
        problem = line_problem(text, place)
        require(problem is None, f"{path}[{number}]", problem or "")
        lines.append(printed_line(text, place))
    return tuple(lines)
