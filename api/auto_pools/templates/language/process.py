"""A process that prints pool templates, one after the other: what takes too long, or too much memory, ends with it."""

from functools import lru_cache

from api.auto_pools.templates.language.form import default_text, with_name
from api.auto_pools.templates.language.meaning import CALLED, Meaning
from api.auto_pools.templates.language.overlay import Overlay
from api.auto_pools.templates.language.program import Program
from api.auto_pools.templates.language.questions import Choose, Chosen, Made, Make, Overlaid, Overlie, Question, Read
from api.auto_pools.templates.language.reading import read_meaning
from api.auto_pools.templates.language.whole import chosen_tasks, made_pool
from api.auto_pools.templates.printer import Printer
from api.dcos_template.rendering.answering import serve
from api.dcos_template.rendering.dispatch import Refusal
from sdk.errors import InvalidSpec

_KEPT = 16

Answer = Meaning | Chosen | Overlaid | Made | Refusal


def answer(question: Question) -> Answer:
    """The answer, or why there is none."""
    try:
        program = _program(question.name, question.text)
        match question:
            case Read(name=name):
                return read_meaning(program, name)
            case Choose(name=name, tasks=tasks):
                return chosen_tasks(program, name, tasks)
            case Overlie(name=name, text=text, pool=pool, proven=proven, without=without):
                return _overlay(name, text, without).over(pool, proven=proven)
            case Make(name=name, tasks=tasks):
                return made_pool(program, name, tasks)
    except InvalidSpec as error:
        return Refusal(error.path, error.rule)
    except MemoryError:
        return Refusal(CALLED, "needs more memory than there is for it")


@lru_cache(_KEPT)
def _program(name: str, text: str) -> Program:
    return Program(with_name(text or default_text(), name))


@lru_cache(_KEPT)
def _overlay(name: str, text: str, without: frozenset[str]) -> Overlay:
    return Overlay(_program(name, text), name, without)


class Direct(Printer):
    """Asks within this process, which has to be one that may end at any moment."""

    def _ask(self, question: Question) -> Answer:
        found = answer(question)
        if isinstance(found, Refusal):
            raise InvalidSpec(found.path, found.rule)
        return found


def main() -> None:
    """Answer as long as somebody asks."""

    def answered(question: object) -> Answer:
        assert isinstance(question, Question)
        return answer(question)

    serve(answered)
