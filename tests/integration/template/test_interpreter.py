"""Pool templates printed in processes of their own: what they answer, and that none gets far with time or memory."""

import os
from collections.abc import Iterator

import pytest

from api.auto_pools.templates.interpreter import Interpreter
from api.auto_pools.templates.language.meaning import default_meaning
from api.auto_pools.templates.language.specimen import specimen_pool, specimen_tasks
from api.auto_pools.templates.stored_template import StoredTemplate
from scheduler.pools.model import Pool, Revision
from sdk.errors import InvalidSpec

pytestmark = pytest.mark.integration

BEGIN = '{% extends "default" %}\n'
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def template(text: str) -> StoredTemplate:
    return StoredTemplate("web", Revision("u", 1), text)


def of_block(name: str, printed: str) -> StoredTemplate:
    return template(f"{BEGIN}{{% block {name} %}}{printed}{{% endblock %}}")


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    """One that waits as long as a busy machine needs."""
    made = Interpreter(answer=60.0)
    yield made
    made.stop()


def test_the_default_template_needs_no_process() -> None:
    """Its meaning is known."""
    assert Interpreter(("no-such-command",)).meaning(template("")) == default_meaning("web")


def test_every_question_has_its_answer(interpreter: Interpreter) -> None:
    """As if the template was printed here."""
    meaning = interpreter.meaning(of_block("pool", '{"count": 4}'))
    assert (meaning.pool.count, meaning.printed, meaning.whole) == (4, frozenset(), False)
    tasks = specimen_tasks("web")
    chosen = interpreter.chosen(of_block("tasks", '{{ "true" if task.name == "shop" else "false" }}'), tasks)
    assert chosen.tasks == {tasks[1].key}
    pool = specimen_pool(default_meaning("web").pool)
    overlaid = interpreter.overlaid(of_block("backend", '{"minimumServers": 3}'), pool)
    assert [one.minimum_servers for one in overlaid.pool.haproxy.backends] == [3, 3]
    assert overlaid.problems == ()
    made = interpreter.made(template('{{ fail(tasks[0], "no") }}{"count": {{ tasks | length }}}'), tasks)
    assert made.pool == Pool(name="auto-web", count=2)
    assert [*made.failed.values()] == ["no"]


def test_a_template_that_cannot_be_printed_names_its_line(interpreter: Interpreter) -> None:
    """And the process goes on."""
    for _ in range(2):
        with pytest.raises(InvalidSpec, match="pool template line 2: cannot be printed: 'nothing' is undefined"):
            interpreter.meaning(of_block("pool", "{{ nothing }}"))


@pytest.mark.parametrize(
    "printed", ["{{ 'x' * (10 ** 11) }}", "{% set n = 2 ** 34 %}{{ 'x' * n }}", "{{ range(9999) | list * 10 ** 7 }}"]
)
def test_memory_ends_before_that_of_the_machine(interpreter: Interpreter, printed: str) -> None:
    """It is told, and the process goes on."""
    with pytest.raises(InvalidSpec, match="needs more memory than there is for it"):
        interpreter.meaning(of_block("pool", printed))
    assert interpreter.meaning(of_block("pool", "")).pool == default_meaning("web").pool


@pytest.mark.parametrize("printed", [LOOP, "{{ 9 ** (9 ** 9) }}"])
def test_time_ends_and_the_next_question_is_answered(printed: str) -> None:
    """By another process."""
    impatient = Interpreter(answer=3.0)
    try:
        with pytest.raises(InvalidSpec, match="pool template: is not printed within 3 s"):
            impatient.meaning(of_block("pool", printed))
    finally:
        impatient.stop()


def test_the_environment_of_the_process_is_out_of_reach(interpreter: Interpreter) -> None:
    """Nor is there any other way out of the sandbox."""
    for way in (
        "{{ template.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ as_list.__globals__ }}",
        "{{ namespace.__init__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        '{{ "{0.__class__}".format(template) }}',
        '{{ template | attr("__class__") }}',
        "{{ [].append(1) }}",
    ):
        with pytest.raises(InvalidSpec, match="cannot be printed"):
            interpreter.meaning(of_block("policy", f'{{"found": "{way}"}}'))
    assert os.environ
