"""Asking what pool templates mean, of processes that print them, within a time.

Knows what is said when there is no answer. Does not know the language.
"""

import sys

from api.auto_pools.templates.language.meaning import CALLED
from api.auto_pools.templates.language.questions import Question
from api.auto_pools.templates.printer import Printer
from api.dcos_template.rendering.dispatch import Refusal
from api.dcos_template.rendering.processes import Processes, TooSlow
from sdk.errors import InvalidSpec

# Not with -m: then the classes of its answers would be those of another module.
_COMMAND = (sys.executable, "-c", "from api.auto_pools.templates.language.process import main; main()")
#: Seconds that may pass until there is an answer.
_ANSWER = 30.0


class Interpreter(Printer):
    """Any thread may ask; as many processes are started as are asked at once."""

    def __init__(self, command: tuple[str, ...] = _COMMAND, *, answer: float = _ANSWER) -> None:
        """`command` starts a process that answers as process.py does."""
        self._processes = Processes(command)
        self._answer = answer

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
