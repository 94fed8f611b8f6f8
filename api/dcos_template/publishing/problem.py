"""What of a pool is not served as it was asked for: the record `R/rendered/<pool>/problem`.

Knows the values and their JSON form, which is the contract with readers (docs/reference/contracts.md). Does not know
how problems are found.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.dcos_template.selecting.backends import LeftOut
from scheduler.pools.model import Revision
from sdk.errors import CorruptRecord
from sdk.storage.connection import decode_json, encode_json

#: Entries of `servers` and `backends` that are written out; counts tell of the rest.
MOST_WRITTEN = 20
_MOST_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Servers that are kept although Mesos does not name their tasks any more; `since` in epoch seconds."""

    since: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one pool.

    `revision` says of which state of which pool this is. `structure` says why that version
    cannot be rendered, so that the last structure stays (empty: it can). `servers` are the first of `left_out` that
    are no servers. `backends` are those that have none, with whatever a reader can be told about them. `failing`
    is a sentence about what fails for no known reason and is tried again.
    """

    revision: Revision
    structure: str = ""
    servers: tuple[LeftOut, ...] = ()
    left_out: int = 0
    held: Held | None = None
    backends: tuple[Mapping[str, object], ...] = ()
    failing: str = ""

    @classmethod
    def of(
        cls,
        revision: Revision,
        left_out: Iterable[LeftOut],
        *,
        structure: str = "",
        held: Held | None = None,
        backends: Iterable[Mapping[str, object]] = (),
        failing: str = "",
    ) -> "Problem | None":
        """The problem, bounded; None when nothing is wrong."""
        servers: list[LeftOut] = []
        count = 0
        for one in left_out:
            count += 1
            if len(servers) < MOST_WRITTEN:
                servers.append(LeftOut(one.backend, one.task, one.reason[:_MOST_TEXT]))
        told = tuple(backends)[:MOST_WRITTEN]
        if not (count or structure or held or told or failing):
            return None
        return cls(
            revision=revision,
            structure=structure[:_MOST_TEXT],
            servers=tuple(servers),
            left_out=count,
            held=held,
            backends=told,
            failing=failing,
        )


def encode_problem(problem: Problem) -> bytes:
    """The bytes of the node."""
    held = problem.held
    return encode_json(
        {
            "poolUid": problem.revision.uid,
            "poolVersion": problem.revision.version,
            "structure": {"reason": problem.structure} if problem.structure else None,
            "servers": [one._asdict() for one in problem.servers],
            "leftOut": problem.left_out,
            "held": {"since": held.since, "reason": held.reason} if held else None,
            "backends": [dict(one) for one in problem.backends],
            "failing": problem.failing or None,
        }
    )


def decode_problem(path: str, data: bytes) -> Problem:
    """The problem in the bytes of the node at `path`; raises CorruptRecord."""
    raw = decode_json(path, data)
    try:
        structure, held = raw["structure"], raw["held"]
        return Problem(
            revision=Revision(str(raw["poolUid"]), int(raw["poolVersion"])),
            structure=str(structure["reason"]) if structure else "",
            servers=tuple(LeftOut(str(one["backend"]), str(one["task"]), str(one["reason"])) for one in raw["servers"]),
            left_out=int(raw["leftOut"]),
            held=Held(since=float(held["since"]), reason=str(held["reason"])) if held else None,
            backends=tuple(dict(one) for one in raw["backends"]),
            failing=str(raw.get("failing") or ""),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CorruptRecord(path, f"is not the record of a problem: {error!r}") from error
