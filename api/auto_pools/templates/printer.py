"""Asking what pool templates mean. Does not know who prints them, nor the language."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

from api.auto_pools.templates.language.meaning import Meaning, default_meaning
from api.auto_pools.templates.language.questions import Choose, Chosen, Made, Make, Overlaid, Overlie, Question, Read
from api.auto_pools.templates.stored_template import StoredTemplate
from api.mesos_listener.task import Task
from scheduler.pools.model import Pool


class Printer(ABC):
    """Every question raises InvalidSpec with the line of the template that cannot be printed; what was made before is
    good all the same.
    """

    @abstractmethod
    def _ask(self, question: Question) -> object:
        """The answer; raises InvalidSpec."""

    def meaning(self, template: StoredTemplate) -> Meaning:
        """What it means, to be asked once for each text. The default one needs nobody."""
        if not template.text:
            return default_meaning(template.name)
        return cast(Meaning, self._ask(Read(name=template.name, text=template.text)))

    def chosen(self, template: StoredTemplate, tasks: Sequence[Task]) -> Chosen:
        """Which of the tasks take part, where `tasks` is among `Meaning.printed`."""
        return cast(Chosen, self._ask(Choose(name=template.name, text=template.text, tasks=tasks)))

    def overlaid(
        self, template: StoredTemplate, pool: Pool, *, proven: bool = False, without: frozenset[str] = frozenset()
    ) -> Overlaid:
        """The pool that claims made, with what the template prints for its objects, where it prints for any; `proven`
        is whether it has been printed before, and the blocks that it is to be `without` are not printed.
        """
        question = Overlie(name=template.name, text=template.text, pool=pool, proven=proven, without=without)
        return cast(Overlaid, self._ask(question))

    def made(self, template: StoredTemplate, tasks: Sequence[Task]) -> Made:
        """The pool of these tasks, where the template is a whole one."""
        return cast(Made, self._ask(Make(name=template.name, text=template.text, tasks=tasks)))
