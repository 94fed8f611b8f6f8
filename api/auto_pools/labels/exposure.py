"""What an application asks for by labels `edgelb...`: from labels to claims. Pure.

A group whose labels cannot all be followed is no claim: half of what somebody asks for may be the wrong half. Does not
know other applications, nor what of it a pool template allows.
"""

from collections.abc import Mapping
from functools import lru_cache

from api.auto_pools.claim import DEFAULT_GROUP, DEFAULT_TEMPLATE, Claim, Exposure, LabelProblem
from api.auto_pools.labels.group import Line, read_group
from api.auto_pools.labels.names import EXPOSE, PREFIX, TEMPLATE, WORDS, read_key
from api.auto_pools.labels.separators import Separators, read_separators
from api.auto_pools.templates.stored_template import name_problem
from api.mesos_listener.task import Labels
from scheduler.pools.problems import shown

#: More are of no use to anybody.
_MOST_PROBLEMS = 20
_MOST_SUGGESTIONS = 5


@lru_cache(maxsize=16_384)
def read_exposure(labels: Labels) -> Exposure | None:
    """None for a task that is not exposed by labels of this kind."""
    if (EXPOSE, "true") not in labels:
        return None
    texts = {label: text.strip() for label, text in labels if label.lower().startswith(PREFIX)}
    template, problems = DEFAULT_TEMPLATE, []
    if name := texts.get(TEMPLATE):
        if problem := name_problem(name):
            problems.append(LabelProblem(TEMPLATE, shown(name) or "", problem))
        else:
            template = name
    separators = read_separators(texts)
    if isinstance(separators, LabelProblem):
        problems.append(separators)
        separators = Separators()
    groups, unknown = _groups(texts)
    if problems := [*problems, *unknown.pop("", [])]:
        # Whatever they were to change, without it nothing may be as it was meant.
        return Exposure(template=template, problems=tuple(problems[:_MOST_PROBLEMS]))
    claims = []
    for group in sorted(groups.keys() | unknown.keys()):
        found = unknown.get(group) or read_group(group, groups[group], separators)
        if isinstance(found, Claim):
            claims.append(found)
        else:
            problems += found
    return Exposure(template=template, claims=tuple(claims), problems=tuple(problems[:_MOST_PROBLEMS]))


def unexposed(labels: Labels) -> LabelProblem | None:
    """Why a task that has labels of this kind is not exposed; None when it has none, or is."""
    said = {label: text for label, text in labels if label.lower().startswith(PREFIX)}
    if not said or said.get(EXPOSE) == "true":
        return None
    if EXPOSE in said:
        return LabelProblem(EXPOSE, shown(said[EXPOSE]) or "", 'must be exactly "true"', f'set {EXPOSE} to "true"')
    other = next((label for label in said if label.lower() == EXPOSE), None)
    if other is not None:
        return LabelProblem(other, shown(said[other]) or "", f"must be written {EXPOSE}", "rename it")
    label = next(iter(said))
    return LabelProblem(shown(label) or "", "", f"has no effect without {EXPOSE}", f'set {EXPOSE} to "true"')


def _groups(texts: Mapping[str, str]) -> tuple[dict[str, list[Line]], dict[str, list[LabelProblem]]]:
    """The labels of each group in their order, and what is wrong with the names of some; group `""` is that of all."""
    groups: dict[str, list[Line]] = {}
    unknown: dict[str, list[LabelProblem]] = {}
    for label, text in texts.items():
        if label in WORDS:
            continue
        group, row = read_key(label, suggest=len(unknown) < _MOST_SUGGESTIONS)
        if isinstance(row, LabelProblem):
            unknown.setdefault(group, []).append(row)
        else:
            groups.setdefault(group, []).append(Line(label, row, text))
    return groups if groups or unknown else {DEFAULT_GROUP: []}, unknown
