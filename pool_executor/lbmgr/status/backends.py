"""Which backends have fewer servers that HAProxy can use than they should, and why one has none. Pure.

Knows the answers to `show stat`. A backend that has all of its servers is not mentioned, so that the report of a pool
of a thousand backends is empty as long as all is well.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping

from pool_executor.contract import BackendHealth
from pool_executor.lbmgr.structure.instance import SERVING

#: Rows of all backends, and none of their servers: the cost does not follow the number of servers.
BACKENDS = "show stat -1 2 -1"
#: Backends that a report names; an outage of everything must not fill the status node.
MOST_TOLD = 100
#: Backends without a server whose servers are asked what is wrong.
MOST_EXPLAINED = 5


def servers_of(backend: str) -> str:
    """The command that lists the servers of one backend."""
    return f"show stat {backend} 4 -1"


def usable(answer: str) -> Mapping[str, int]:
    """How many servers, backup servers included, HAProxy can use in each backend: the answer to BACKENDS.

    Raises ValueError when it is no such answer, as `reason` does.
    """
    columns = _header(answer)
    at = [columns.index(name) for name in ("pxname", "svname", "act", "bck")]
    found = {}
    for line in answer.split("\n")[1:]:
        # What may hold a comma, and is quoted then, comes after these columns; csv takes ten times as long.
        fields = line.split(",", max(at) + 1)
        if len(fields) > max(at) and fields[at[1]] == "BACKEND" and fields[at[0]] != SERVING.partition("/")[0]:
            found[fields[at[0]]] = int(fields[at[2]] or 0) + int(fields[at[3]] or 0)
    return found


def short(wanted: Mapping[str, int], up: Mapping[str, int]) -> tuple[BackendHealth, ...]:
    """The backends that lack a server, those without any first; at most MOST_TOLD of them."""
    found = [
        BackendHealth(name=name, servers=number, up=up.get(name, 0), reason=None)
        for name, number in wanted.items()
        if up.get(name, 0) < number
    ]
    return tuple(sorted(found, key=lambda one: (one.up, one.name))[:MOST_TOLD])


def reason(answer: str) -> str | None:
    """What most servers of a backend that are down say, as a phrase: the answer to `servers_of`."""
    causes = Counter(_cause(row) for row in _rows(answer) if not row["status"].startswith(("UP", "no check")))
    causes.pop("", None)
    return causes.most_common(1)[0][0] if causes else None


def _cause(row: Mapping[str, str]) -> str:
    if row["status"].startswith("MAINT (resolution)"):
        return "its name cannot be resolved"
    if row["status"].startswith("MAINT"):
        return ""  # was taken out, so it is none of those that are wanted
    told = row["last_chk"] or row["check_desc"] or row["status"]
    return " ".join("".join(character if character.isprintable() else " " for character in told).split())[:120]


def _rows(answer: str) -> Iterable[Mapping[str, str]]:
    _header(answer)
    return csv.DictReader(answer.strip().removeprefix("# ").splitlines(), restval="")


def _header(answer: str) -> list[str]:
    if not answer.startswith("# pxname,svname,"):
        raise ValueError(f"these are no statistics: {answer[:80]!r}")
    return answer.partition("\n")[0].removeprefix("# ").split(",")
