"""Rules of plans: their names, what their phases name, and that what waits for something may come to its turn."""

import re
from collections.abc import Collection, Iterable, Mapping

from sdk.door.names import bad_name, twice
from sdk.door.problems import shown
from sdk.door.rule import Broken, Rules
from sdk.model.plans import ORDERED, OWN, RUN, PhaseSpec, PlanSpec, Strategy
from sdk.model.spec import ServiceSpec

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

plan = Rules(PlanSpec)
phase = Rules(PhaseSpec)
service = Rules(ServiceSpec)


@plan("name")
def _name(spec: PlanSpec) -> Broken:
    """As that of a service; none of `recovery`, `decommission` and `uninstall`."""
    if (broken := bad_name(spec.name)) is not None:
        yield "name", broken
    elif spec.name in OWN and spec.name not in ORDERED:
        yield "name", f"{shown(spec.name)} is a plan that every service has, whose order is no spec's to tell"


@plan("phases")
def _phases(spec: PlanSpec) -> Broken:
    """At least one; no name twice."""
    if not spec.phases:
        yield "phases", "has to hold at least one phase"
    for name in twice(each.name for each in spec.phases):
        yield "phases", f"{name!r:.80} occurs twice"


@plan("phases", "strategy")
def _dependencies(spec: PlanSpec) -> Broken:
    """`depends_on` names other phases, in no circle, and goes with the strategy `dependency`."""
    names = {each.name for each in spec.phases}
    for each in spec.phases:
        where = f"phases.{each.name}.depends_on"
        if each.depends_on and spec.strategy is not Strategy.DEPENDENCY:
            yield where, f"counts only in a plan of strategy dependency; this one is {spec.strategy}"
        for name in each.depends_on:
            if name not in names:
                yield where, f"names {shown(name)}; the plan has {', '.join(sorted(names))}"
    circle = _circle({each.name: each.depends_on for each in spec.phases})
    if circle:
        yield "phases", f"{' and '.join(circle)} wait for each other"


@plan("canary")
def _canary(spec: PlanSpec) -> Broken:
    """0 or more."""
    if spec.canary < 0:
        yield "canary", f"is {shown(spec.canary)}, has to be 0 or more"


@plan("name", "parameters")
def _parameters(spec: PlanSpec) -> Broken:
    """Names of variables, none twice, not `PLAN_RUN`; only of a plan that is started."""
    if spec.parameters and spec.name in ORDERED:
        yield "parameters", f"{spec.name} is never started: nobody could set them"
    for name in spec.parameters:
        if not VARIABLE.fullmatch(name) or name == RUN:
            yield "parameters", f"{shown(name)} has to match {VARIABLE.pattern}, and not to be {RUN}"
    for name in twice(spec.parameters):
        yield "parameters", f"{name!r:.80} occurs twice"


@phase("name")
def _phase_name(spec: PhaseSpec) -> Broken:
    """As that of a service."""
    if (broken := bad_name(spec.name)) is not None:
        yield "name", broken


@phase("indexes")
def _indexes(spec: PhaseSpec) -> Broken:
    """0 or more, none twice."""
    for number in spec.indexes:
        if number < 0:
            yield "indexes", f"holds {shown(number)}; they are 0 or more"
    for index in twice(map(str, spec.indexes)):
        yield "indexes", f"{index} occurs twice"


@phase("canary")
def _phase_canary(spec: PhaseSpec) -> Broken:
    """0 or more."""
    if spec.canary < 0:
        yield "canary", f"is {shown(spec.canary)}, has to be 0 or more"


@phase("after", "strategy")
def _after(spec: PhaseSpec) -> Broken:
    """Indexes of instances by index, in no circle; goes with the strategy `dependency`."""
    if spec.after and spec.strategy is not Strategy.DEPENDENCY:
        yield "after", f"counts only in a phase of strategy dependency; this one is {spec.strategy}"
    for index in spec.after:
        if not re.fullmatch(r"0|[1-9][0-9]{0,4}", index):
            yield "after", f"{shown(index)} is no index"
            return
    circle = _circle({index: [str(each) for each in before] for index, before in spec.after.items()})
    if circle:
        yield "after", f"{' and '.join(circle)} wait for each other"


@service("plans")
def _plans(spec: ServiceSpec) -> Broken:
    """No name twice."""
    for name in twice(each.name for each in spec.plans):
        yield "plans", f"{name!r:.80} occurs twice"


@service("plans", "pods")
def _pods(spec: ServiceSpec) -> Broken:
    """Phases name pods of the service; an instance is in one phase of a plan, and a pod that a started plan runs in no
    other plan. A plan with `canary` names every pod that it is about."""
    known = {pod.name for pod in spec.pods}
    run_by: dict[str, str] = {}
    for each in spec.plans:
        if each.name in ORDERED:
            continue
        for pod in sorted({phase.pod for phase in each.phases}):
            if pod in run_by:
                yield f"plans.{each.name}", f"runs {pod!r:.80}, which plan {run_by[pod]} runs already"
            run_by.setdefault(pod, each.name)
    for each in spec.plans:
        where = f"plans.{each.name}"
        yield from ((f"{where}.phases", sentence) for sentence in _odd_pods(each, known, run_by))
        missing = known - set(run_by) - {phase.pod for phase in each.phases}
        if each.canary > 0 and each.name in ORDERED and missing:
            yield f"{where}.canary", f"asks for a phase of every pod; {', '.join(sorted(missing))} is in none"


def _odd_pods(spec: PlanSpec, known: Collection[str], run_by: Mapping[str, str]) -> Iterable[str]:
    whole: set[str] = set()
    some: set[tuple[str, int]] = set()
    for each in spec.phases:
        if each.pod not in known:
            yield f"{each.name}: there is no pod {shown(each.pod)}; there are {', '.join(sorted(known))}"
        elif spec.name in ORDERED and each.pod in run_by:
            yield f"{each.name}: {each.pod} runs only while plan {run_by[each.pod]} does"
        again = each.pod in whole or any((each.pod, index) in some for index in each.indexes)
        if again or (not each.indexes and any(pod == each.pod for pod, _ in some)):
            yield f"{each.name}: instances of {shown(each.pod)} are in another phase already"
        if each.indexes:
            some.update((each.pod, index) for index in each.indexes)
        else:
            whole.add(each.pod)


def _circle(after: Mapping[str, Iterable[str]]) -> list[str]:
    """Names that wait for each other, sorted; empty if none do."""
    left = {name: {other for other in before if other in after} for name, before in after.items()}
    while free := [name for name, before in left.items() if not before]:
        for name in free:
            del left[name]
        for before in left.values():
            before.difference_update(free)
    return sorted(left)
