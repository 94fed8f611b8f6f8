"""What an operator may say about a plan, and what it leads to."""

from collections.abc import Container

import pytest

from sdk.model.plans import PlanRecord, Strategy
from sdk.plan.commands import Asked, Command, Impossible, Said, Unknown, answer, current
from sdk.plan.plan import Phase, Plan

PHASE = Phase(name="app", pod="app", steps=("app-0", "app-1"), strategy=Strategy.SERIAL, canary=1)
CONFIGS = {"": "s1", "app": "c1"}


def plan(name: str = "update", **fields: object) -> Plan:
    """A plan of one phase with a canary."""
    return Plan(name=name, phases=(PHASE,), **fields)  # type: ignore[arg-type]


def said(name: str = "update", **fields: object) -> PlanRecord:
    """What was said before."""
    return PlanRecord(service="web", plan=name, **fields)  # type: ignore[arg-type]


def say(command: str, before: PlanRecord, found: Plan | None = None, done: Container[str] = (), **fields: object):  # type: ignore[no-untyped-def]
    """The answer to a command."""
    asked = Asked(command=Command(command), **fields)  # type: ignore[arg-type]
    return answer(found or plan(before.plan), before, asked, done.__contains__, CONFIGS)


def record(found: object) -> PlanRecord:
    """What is remembered."""
    assert isinstance(found, Said)
    return found.record


@pytest.mark.parametrize("phase", [None, "app"])
def test_interrupt_and_continue_take_each_other_back(phase: str | None) -> None:
    """Of a plan or a phase, and however often each is said."""
    held = record(say("interrupt", said(), phase=phase))
    assert held.interrupted is (phase is None)
    assert held.phases == frozenset({"app"} - {phase is None and "app"})
    assert record(say("interrupt", held, phase=phase)) == held
    free = record(say("continue", held, phase=phase))
    assert free.says_nothing
    assert record(say("continue", free, phase=phase)) == free


def test_continue_lets_pass_what_waits_and_no_more() -> None:
    """A canary that is not complete is not passed, and one that is complete is passed once."""
    assert record(say("continue", said())).says_nothing
    passed = record(say("continue", said(), done=("app-0",)))
    assert passed.continued == {"app": 1}
    assert record(say("continue", passed, done=("app-0",))) == passed


def test_continued_and_forced_die_with_the_configuration_that_they_are_about() -> None:
    """A new target is looked at anew; what is interrupted stays so while there is such a phase."""
    passed = record(say("continue", said(phases=frozenset({"app", "gone"})), done=("app-0",)))
    forced = record(say("forceComplete", passed, phase="app", step="app-1"))
    assert current(forced, CONFIGS) == PlanRecord(
        service="web",
        plan="update",
        phases=frozenset({"app"}),
        continued={"app": 1},
        forced=frozenset({"app/app-1"}),
        about={"app": "c1"},
    )
    assert current(forced, {"": "s2", "app": "c2"}) == said(phases=frozenset({"app"}))


def test_restart_forgets_what_was_said_and_tries_again() -> None:
    """What is forced and continued; instances that failed do not wait for their next try."""
    before = said(continued={"app": 1}, forced=frozenset({"app/app-1"}), about={"app": "c1"})
    found = say("restart", before)
    assert record(found).says_nothing
    assert found.again == ("app-0", "app-1")
    one = say("restart", before, phase="app", step="app-1")
    assert record(one).continued == {"app": 1}
    assert one.again == ("app-1",)


def test_a_plan_of_a_spec_is_started_with_its_parameters_and_stopped() -> None:
    """Each start is a run; a start of what runs changes nothing."""
    backup = plan("backup", parameters=("TO",))
    first = record(say("start", said("backup"), backup, parameters={"TO": "s3"}))
    assert (first.running, first.run, first.parameters) == (True, 1, {"TO": "s3"})
    assert record(say("start", first, backup, parameters={"TO": "s3"})) == first
    stopped = record(say("stop", first, backup))
    assert (stopped.running, stopped.run, stopped.parameters) == (False, 1, {})
    assert record(say("stop", stopped, backup)) == stopped
    assert record(say("start", stopped, backup)).run == 2
    assert record(say("restart", first, backup)).run == 2


@pytest.mark.parametrize(
    ("command", "name", "fields", "why"),
    [
        ("start", "update", {}, "runs whenever it has something to do"),
        ("stop", "deploy", {}, "runs whenever it has something to do"),
        ("start", "backup", {"parameters": {"LD_PRELOAD": "x"}}, "has no parameter LD_PRELOAD; it has none"),
        ("start", "backup", {"phase": "app"}, "about a whole plan"),
        ("restart", "backup", {}, "was never started"),
        ("interrupt", "update", {"phase": "app", "step": "app-0"}, "not about a step"),
        ("forceComplete", "recovery", {}, "nothing waits for a recovery"),
        ("interrupt", "uninstall", {}, "no way back"),
    ],
)
def test_what_cannot_be_done_says_why(command: str, name: str, fields: dict[str, object], why: str) -> None:
    """And nothing is remembered of it."""
    found = say(command, said(name), **fields)
    assert isinstance(found, Impossible)
    assert why in found.why


def test_other_parameters_do_not_change_a_run() -> None:
    """It has to be stopped first."""
    running = said("backup", running=True, run=1, parameters={"TO": "s3"})
    found = say("start", running, plan("backup", parameters=("TO",)), parameters={"TO": "disk"})
    assert isinstance(found, Impossible)
    assert "other parameters" in found.why
    assert "s3" not in repr(running)
    assert "s3" not in repr(Asked(command=Command.START, parameters={"TO": "s3"}))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"phase": "db"}, "has no phase 'db'; it has app"),
        ({"phase": "app", "step": "app-7"}, "has no step 'app-7'; it has app-0, app-1"),
        ({"step": "app-0"}, "named with its phase"),
    ],
)
def test_what_is_not_there_is_said(fields: dict[str, str], why: str) -> None:
    """With what there is."""
    found = say("restart", said(), **fields)
    assert isinstance(found, Unknown)
    assert why in found.why
