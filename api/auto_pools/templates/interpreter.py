"""Asking what pool templates mean, of processes that print them, within a time.

Knows what is said when there is no answer. Does not know the language.
"""

import sys
from collections.abc import Sequence
from typing import cast

from api.auto_pools.templates.language.meaning import CALLED, Meaning, default_meaning
from api.auto_pools.templates.language.questions import Choose, Chosen, Made, Make, Overlaid, Overlie, Question, Read
from api.auto_pools.templates.stored_template import StoredTemplate
from api.dcos_template.dispatch import Refusal
from api.dcos_template.processes import Processes, TooSlow
from api.mesos_listener.task import Task
from scheduler.pools.model import Pool
from sdk.errors import InvalidSpec

# Not with -m: then the classes of its answers would be those of another module.
_COMMAND = (sys.executable, "-c", "from api.auto_pools.templates.language.process import main; main()")
#: Seconds that may pass until there is an answer.
_ANSWER = 30.0


class Interpreter:
    """Any thread may ask; as many processes are started as are asked at once.

    Every question raises InvalidSpec with the line of the template that cannot be printed; what was made before is good
    all the same.
    """

    def __init__(self, command: tuple[str, ...] = _COMMAND, *, answer: float = _ANSWER) -> None:
        """`command` starts a process that answers as process.py does."""
        self._processes = Processes(command)
        self._answer = answer

    def meaning(self, template: StoredTemplate) -> Meaning:
        """What it means, to be asked once for each text. The default one needs no process."""
        if not template.text:
            return default_meaning(template.name)
        return cast(Meaning, self._ask(Read(name=template.name, text=template.text)))

    def chosen(self, template: StoredTemplate, tasks: Sequence[Task]) -> Chosen:
        """Which of the tasks take part, where `tasks` is among `Meaning.printed`."""
        return cast(Chosen, self._ask(Choose(name=template.name, text=template.text, tasks=tasks)))

    def overlaid(self, template: StoredTemplate, pool: Pool) -> Overlaid:
        """The pool that claims made, with what the template prints for its objects, where it prints for any."""
        return cast(Overlaid, self._ask(Overlie(name=template.name, text=template.text, pool=pool)))

    def made(self, template: StoredTemplate, tasks: Sequence[Task]) -> Made:
        """The pool of these tasks, where the template is a whole one."""
        return cast(Made, self._ask(Make(name=template.name, text=template.text, tasks=tasks)))

    def stop(self) -> None:
        """End all processes."""
        self._processes.stop()

    def _ask(self, question: Question) -> object:
        try:
            answer = self._processes.ask(question, self._answer)
        except TooSlow as error:
            raise InvalidSpec(CALLED, f"is not printed within {self._answer:g} s") from error
        if isinstance(answer, Refusal):
            raise InvalidSpec(answer.path, answer.rule)
        return answer
