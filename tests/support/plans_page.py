"""The pictures in docs/explanation/plans.md are drawn by the plans themselves.

`python -m tests.support.plans_page` draws them anew.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from sdk.model.plans import OWN, PlanRecord, Strategy
from sdk.plan.candidates import awaiting, candidates
from sdk.plan.commands import Asked, Command, Impossible, answer
from sdk.plan.plan import Phase, Plan

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "plans.md"
_STEPS = ("app-0", "app-1", "app-2")


def _sample(name: str, strategy: Strategy, **fields: object) -> Plan:
    return Plan(name=name, phases=(Phase(name="app", pod="app", steps=_STEPS, strategy=strategy, **fields),))  # type: ignore[arg-type]


_ORDERS: Mapping[str, Plan] = {
    "serial": _sample("deploy", Strategy.SERIAL),
    "parallel": _sample("deploy", Strategy.PARALLEL),
    "parallel, canary 1": _sample("deploy", Strategy.PARALLEL, canary=1),
    "serial, canary 2": _sample("deploy", Strategy.SERIAL, canary=2),
    "dependency (1 and 2 after 0)": _sample(
        "deploy", Strategy.DEPENDENCY, after={"app-1": ("app-0",), "app-2": ("app-0",)}
    ),
}


def orders() -> str:
    """Who acts together, from left to right, and where an operator has to say `continue`."""
    width = max(map(len, _ORDERS))
    return "\n".join(f"{name:<{width}}  {' ──> '.join(_rounds(plan))}" for name, plan in _ORDERS.items())


def _rounds(plan: Plan) -> list[str]:
    done: set[str] = set()
    said = PlanRecord(service="web", plan=plan.name)
    rounds: list[str] = []
    while len(done) < len(_STEPS):
        may = sorted(candidates(plan, done.__contains__, said))
        if may:
            rounds.append(" + ".join(may))
            done.update(may)
        else:
            waiting = awaiting(plan, done.__contains__, said)
            said = PlanRecord(
                service="web", plan=plan.name, continued={name: said.continued.get(name, 0) + 1 for name in waiting}
            )
            rounds.append("`continue`")
    return rounds


def commands() -> str:
    """Which command is possible about which plan."""
    names = (*OWN, "one of the spec")
    lines = [f"| command | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for command in Command:
        cells = ["yes" if _possible(command, name) else "" for name in names]
        lines.append(f"| `{command}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _possible(command: Command, name: str) -> bool:
    said = PlanRecord(service="web", plan=name, run=0 if name in OWN else 1)
    found = answer(_sample(name, Strategy.SERIAL), said, Asked(command=command), lambda _: False, {})
    return not isinstance(found, Impossible)


_BLOCKS: Mapping[str, tuple[Callable[[], str], str, str]] = {
    "<!-- the order of steps -->\n\n": (orders, "```text\n", "\n```"),
    "<!-- the commands -->\n\n": (commands, "", "\n\n"),
}


def drawn(page: str) -> str:
    """The page with its pictures as they are now."""
    for mark, (draw, opening, closing) in _BLOCKS.items():
        before, found, rest = page.partition(mark + opening)
        page = f"{before}{found}{draw()}{closing}{rest.partition(closing)[2]}" if found else page
    return page


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
