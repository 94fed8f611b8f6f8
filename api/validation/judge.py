"""A process that judges pools, one after the other: it renders them, and asks the HAProxy of this machine.

What takes too long, or too much memory, ends with it and costs nothing else.
"""

import re
from dataclasses import replace
from functools import cache

from api.auto_pools.templates.language.meaning import CALLED
from api.auto_pools.templates.language.process import Direct
from api.auto_pools.templates.language.trial import tried
from api.auto_pools.templates.losses import losses
from api.auto_pools.templates.offline import Outcome, outcome
from api.auto_pools.templates.stored_template import StoredTemplate
from api.dcos_template.rendering.answering import serve
from api.status.pool_fields import backend_field, frontend_field, refused_field
from api.validation.comparison import Comparison, compare
from api.validation.complaints import complained_field, problems
from api.validation.haproxy import haproxy_here, refusals_of
from api.validation.judgement import Compare, Judge, Judgement, JudgeTemplate, Locate, TryTemplate, as_stored
from api.validation.specimen import Specimen
from pool_executor.lbmgr.haproxy.check import NotChecked
from pool_executor.lbmgr.haproxy.program import Program
from scheduler.pools.checks import raw_problems
from scheduler.pools.model import Pool, Revision
from scheduler.pools.problems import Problem
from sdk.errors import InvalidSpec

_SECTION = re.compile(r"(?P<kind>backend|frontend) (?P<name>[^\s:]+):? ?(?P<field>.*)")


def judge(question: Judge) -> Judgement:
    """What rendering and HAProxy say against the pool."""
    try:
        specimen = Specimen.of(question.pool)
    except InvalidSpec as error:
        return Judgement(problems=(_unrendered(question.pool.pool, error),))
    except MemoryError:
        rule = "needs more memory than there is for it: split it into several pools"
        return Judgement(problems=(Problem(path="pool", rule=rule),))
    try:
        program = _haproxy()
        said = refusals_of(program, specimen, question.seconds)
    except (NotChecked, OSError) as error:
        return Judgement(unchecked=str(error))
    found = problems(said, program.version, specimen.field, lambda message: _named(specimen, message))
    return Judgement(problems=tuple(found), haproxy=program.version)


def judge_template(question: JudgeTemplate) -> Judgement:
    """What stands against a pool template: that it cannot be printed, or what comes of it for some applications."""
    try:
        trial = tried(question.name, question.text)
    except InvalidSpec as error:
        return Judgement(problems=(Problem(path=error.path, rule=error.rule),))
    except MemoryError:
        return Judgement(problems=(Problem(path=CALLED, rule="needs more memory than there is for it"),))
    if trial.pool is None:
        return Judgement(remarks=trial.remarks)
    found = _refusals(trial.pool, question)
    refused = (Problem(path=CALLED, rule=f"makes a pool that is refused: {problem}") for problem in found.problems)
    return replace(found, problems=tuple(refused), remarks=trial.remarks)


def try_template(question: TryTemplate) -> Judgement:
    """What the tasks that run would lose by another text, and what stands against the pool that comes of them."""
    printer, tasks = Direct(), question.tasks
    template = StoredTemplate(question.name, Revision("", 1), question.text)
    try:
        after = outcome(printer, template, tasks, question.dialects)
    except InvalidSpec as error:
        return Judgement(problems=(Problem(path=error.path, rule=error.rule),))
    except MemoryError:
        return Judgement(unchecked="that needs more memory than there is for it")
    try:
        before = outcome(printer, template._replace(text=question.before), tasks, question.dialects)
    except (InvalidSpec, MemoryError):  # another text mends that
        before = Outcome(pool=None, statuses={})
    remarks = tuple(losses(tasks, before.statuses, after.statuses))
    if after.pool is None or after.pool == before.pool:
        return Judgement(remarks=remarks)
    found = _refusals(after.pool, question)
    if found.problems and before.pool is not None and _refusals(before.pool, question).problems:
        # It is so already, and not this text's doing.
        return Judgement(remarks=(*remarks, *(str(problem) for problem in found.problems[:1])))
    refused = (Problem(path=CALLED, rule=f"makes a pool that is refused: {problem}") for problem in found.problems)
    return replace(found, problems=tuple(refused), remarks=remarks)


def _refusals(pool: Pool, question: JudgeTemplate | TryTemplate) -> Judgement:
    stored = as_stored(pool)
    raw = () if question.raw_strings else tuple(raw_problems(stored))
    return Judgement(problems=raw) if raw else judge(Judge(pool=stored, seconds=question.seconds))


def locate(question: Locate) -> str | None:
    """The path of the field that a complaint is about; its lines are those of what is rendered, without servers."""
    try:
        specimen = Specimen.of(question.pool)
    except (InvalidSpec, MemoryError):
        return None
    return complained_field(question.complaint, specimen.field_of_published, lambda message: _named(specimen, message))


def _named(specimen: Specimen, message: str) -> str | None:
    return refused_field(specimen.pool, (text.part for text in specimen.texts.values()), message)


def _unrendered(pool: Pool, error: InvalidSpec) -> Problem:
    """InvalidSpec names a section of the configuration, and a field of it perhaps."""
    if error.path.startswith("lbtemplate"):
        return Problem(path=error.path, rule=error.rule)
    match = _SECTION.fullmatch(error.path)
    path = "pool.haproxy"
    if match is not None:
        section = (backend_field if match["kind"] == "backend" else frontend_field)(pool, match["name"])
        if section is not None:
            path = f"{section}.{match['field']}" if re.fullmatch(r"[A-Za-z][\w.\[\]]*", match["field"]) else section
            return Problem(path=path, rule=error.rule)
    return Problem(path=path, rule=str(error))


@cache
def _haproxy() -> Program:
    """Found once; what is not there is looked for again."""
    return haproxy_here()


def main() -> None:
    """Answer as long as somebody asks."""

    def answered(question: object) -> Judgement | Comparison | str | None:
        match question:
            case Judge():
                return judge(question)
            case JudgeTemplate():
                return judge_template(question)
            case TryTemplate():
                return try_template(question)
            case Locate():
                return locate(question)
            case Compare():
                return compare(question.before, question.after)
        raise TypeError(f"{type(question).__name__} is no question")

    serve(answered)
