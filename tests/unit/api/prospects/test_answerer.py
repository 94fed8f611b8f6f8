"""Why services that are not stored yet would get no server, and when there is no answer."""

from collections.abc import Iterator, Mapping

import pytest

from api.dcos_template.selecting.selection import Rules
from api.mesos_listener.task import Port, Task, TaskKey
from api.prospects.answerer import Answerer
from api.prospects.question import written_question
from scheduler.pools.model import POOL_LABEL, Endpoint, Service
from tests.unit.api.dcos_template.pools import service, task
from tests.unit.api.dcos_template.test_explainer import SteppingClock

WEB = task("webapp-0-web", framework_name="webapp", ports=(Port(name="http", number=1),))
SICK = task("sick", healthy=False)
OTHERS = task("edgelb-pool-0-server", framework_name="edgelb", labels=((POOL_LABEL, "other"),))
OWN = task("edgelb-pool-1-server", framework_name="edgelb", labels=((POOL_LABEL, "web"),))


def table(*tasks: Task) -> dict[TaskKey, Task]:
    return {one.key: one for one in tasks}


def answers(tasks: Mapping[TaskKey, Task], *services: Service) -> list[str] | None:
    return Answerer(Rules(), SteppingClock()).answer(written_question("web", services), tasks)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (
            service(framework_name="nosuch"),
            "no running task of framework nosuch; frameworks are edgelb, marathon, webapp",
        ),
        (service(task_name="webapp-0-web"), ""),
        (service(task_name_pattern="^webapp"), ""),
        (
            service(Endpoint(port_name="htttp"), task_name="webapp-0-web"),
            "task webapp-0-web has no port named htttp; it has http",
        ),
        (service(Endpoint(port_name="http"), task_name="webapp-0-web"), ""),
        (service(task_name="sick"), ""),
        (service(framework_name="edgelb"), ""),
        (
            service(framework_name="edgelb", task_name="edgelb-pool-1-server"),
            "task edgelb-pool-1-server is a load balancer, which is selected only by",
        ),
        (
            service(task_name_pattern="^edgelb"),
            "is a load balancer, which is selected only by the name of its framework",
        ),
        (service(task_name_pattern="("), ""),
        (service(), ""),
    ],
)
def test_a_service_without_a_server_has_a_reason(wanted: Service, reason: str) -> None:
    """In the words of the pool's status, before the pool is stored."""
    [told] = answers(table(WEB, SICK, OTHERS, OWN), wanted) or []
    assert told == reason or (reason and reason in told)


def test_each_service_has_its_own_answer() -> None:
    """In the order of the question."""
    told = answers(table(WEB), service(task_name="x"), service(task_name="webapp-0-web"), service(task_name="y"))
    expected = ["no task is called x; tasks are webapp-0-web", "", "no task is called y; tasks are webapp-0-web"]
    assert told == expected


def test_what_takes_too_long_has_no_reason() -> None:
    """A moment for each question; what was not looked at is not complained about."""
    clock = SteppingClock()
    answerer = Answerer(Rules(), clock)
    clock.step = 0.09
    wanted = [service(task_name=name) for name in "abcdef"]
    told = answerer.answer(written_question("web", wanted), table(WEB)) or []
    assert [bool(one) for one in told] == [True, True, False, False, False, False]


def test_a_search_that_takes_too_long_ends_in_between() -> None:
    """Patterns are held against all tasks."""
    clock = SteppingClock()
    answerer = Answerer(Rules(), clock)
    clock.step = 0.09
    many = table(*(task(f"t{number}") for number in range(2000)))
    assert answerer.answer(written_question("web", [service(task_id_pattern="^x")]), many) == [""]


def test_all_questions_together_get_a_share_of_the_time() -> None:
    """Whoever stores a thousand pools takes nothing from what follows the tasks."""
    clock = SteppingClock()
    answerer = Answerer(Rules(), clock)
    question = written_question("web", [service(task_name="a")])
    clock.step = 0.2
    answered = 0
    while answerer.answer(question, table(WEB)) is not None:
        answered += 1
        assert answered < 100
    assert answered > 0
    clock.step = 0.0
    assert answerer.answer(question, table(WEB)) is None
    clock.time += 60
    assert answerer.answer(question, table(WEB)) is not None


def test_one_question_is_answered_at_a_time() -> None:
    """Who comes meanwhile is not let wait."""
    question = written_question("web", [service(task_name="a")])

    class Asking(Mapping[TaskKey, Task]):
        """Somebody asks while the tasks are looked at."""

        def __getitem__(self, key: TaskKey) -> Task:
            return table(WEB)[key]

        def __iter__(self) -> Iterator[TaskKey]:
            second.append(answerer.answer(question, table(WEB)))
            return iter(table(WEB))

        def __len__(self) -> int:
            return 1

    second: list[list[str] | None] = []
    answerer = Answerer(Rules(), SteppingClock())
    assert answerer.answer(question, Asking()) == ["no task is called a; tasks are webapp-0-web"]
    assert second == [None]


def test_what_is_no_question_has_no_answer() -> None:
    """Nothing fails because of it."""
    assert Answerer(Rules(), SteppingClock()).answer("{", table(WEB)) is None
