"""How it stands with each exposed task, and under which addresses it can be reached. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from api.auto_pools.claim import LabelProblem
from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import PROTOCOL, Conditions, conditions_of
from scheduler.pools.model import Protocol

_MOST_URIS = 20
_MOST_PROBLEMS = 10
_MOST_ELSEWHERE = 5
#: What is said where nothing else has to be.
IN_POOL, NOTHING = "is in the pool", "asks for nothing"
_USUAL = {Protocol.HTTP: 80, Protocol.HTTPS: 443}


class RenderStatus(StrEnum):
    """Of a pool template, or of a task under it."""

    OK = "OK"
    RENDER_ERR = "RENDER_ERR"
    """Something that labels ask for is not in the pool."""
    SUBMIT_ERR = "SUBMIT_ERR"
    """The pool could not be stored."""
    NO_TASKS = "NO_TASKS"
    NEW = "NEW"
    """Nothing was decided yet."""


class TaskStatus(NamedTuple):
    """Of one task; `message` says why it is not OK, and what labels say without effect."""

    status: RenderStatus
    message: str
    uris: tuple[str, ...] = ()


NEW = TaskStatus(RenderStatus.NEW, "its labels were not looked at yet")
NAMELESS = TaskStatus(
    RenderStatus.RENDER_ERR,
    "neither its framework nor its name tells which application it belongs to; give the task a printable name",
)


def status_of(
    claims: Sequence[AppClaim],
    problems: Sequence[LabelProblem],
    not_applied: Sequence[LabelProblem],
    addresses: Sequence[str],
    elsewhere: Iterable[tuple[Conditions, AppClaim]] = (),
) -> TaskStatus:
    """Of tasks that make these claims and have labels with these problems; load balancers are at `addresses`.

    What goes `elsewhere` of their hosts and paths is told.
    """
    lost = [*problems, *(problem for claim in claims if (problem := claim.forbidden or claim.problem) is not None)]
    uris = dict.fromkeys(uri for claim in claims if claim.rank for uri in _uris(claim, addresses))
    said = [sentence(problem) for problem in (*lost, *not_applied)]
    more = f"; and {len(said) - _MOST_PROBLEMS} more" if len(said) > _MOST_PROBLEMS else ""
    message = "; ".join(said[:_MOST_PROBLEMS]) + more
    if lost:
        return TaskStatus(RenderStatus.RENDER_ERR, message, tuple(uris)[:_MOST_URIS])
    if any(not claim.rank for claim in claims):
        return NEW
    others = [f"{conditions} goes to {other.app}" for conditions, other in islice(elsewhere, _MOST_ELSEWHERE)]
    message = "; ".join(filter(None, (message, *others)))
    return TaskStatus(RenderStatus.OK, message or (IN_POOL if claims else NOTHING), tuple(uris)[:_MOST_URIS])


def sentence(problem: LabelProblem) -> str:
    """The problem for people."""
    value = f" {problem.value}" if problem.value else ""
    remedy = f"; {problem.remedy}" if problem.remedy else ""
    return f"{problem.label}:{value} {problem.rule}{remedy}"


def _uris(claim: AppClaim, addresses: Sequence[str]) -> Iterator[str]:
    """Those of rules with whole hosts; a rule for all hosts has the addresses of load balancers."""
    said, at = claim.claim, [f"[{one}]" if ":" in one else one for one in addresses]
    protocol = dict(said.frontend).get(PROTOCOL)
    scheme = protocol.value if protocol is not None and isinstance(protocol.value, Protocol) else Protocol.HTTP
    port = "" if _USUAL.get(scheme) == said.port else f":{said.port}"
    for conditions in (one for rule in said.rules for one in conditions_of(rule)):
        if conditions.host_reg or conditions.host.startswith("*"):
            continue
        named = [conditions.host if ":" in conditions.host else f"{conditions.host}{port}"]
        for host in named if conditions.host else [f"{one}{port}" for one in at]:
            yield f"{scheme.lower()}://{host}{conditions.path_beg or '/'}"
    if not said.rules:
        yield from (f"{scheme.lower()}://{host}:{said.port}" for host in at)
