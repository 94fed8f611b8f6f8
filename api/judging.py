"""Pools judged over HTTP, in the form of one version of the API: before they are stored, and instead of it.

Knows how a judgement is told. Does not know how one is made (validation).
"""

from dataclasses import replace
from typing import Any

from api.accounts import account
from api.pool_forms import Form
from api.problems import ApiProblem, entries
from api.validation.judgement import Judgement, as_stored
from api.validation.trials import Trials
from scheduler.pools.advice import pool_warnings
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.stored import StoredPool


def require_taken(trials: Trials, form: Form, pool: StoredPool) -> tuple[str, ...]:
    """Nothing is stored that HAProxy refuses: ApiProblem 400 says what. What has to be said of a pool that it takes."""
    judgement = trials.judge(pool, account())
    if judgement.problems:
        raise ApiProblem.of_pool(_refusal(form, judgement))
    return unchecked(judgement)


def verdict(trials: Trials, form: Form, body: object, author: str = "") -> dict[str, Any]:
    """What would be said if the pool of the body was stored by this account."""
    try:
        pool = form.load(body)
    except InvalidPool as error:
        return _told(error, Judgement(), ())
    judgement = trials.judge(as_stored(pool), author)
    warnings = (*map(form.sentence, pool_warnings(pool)), *unchecked(judgement))
    return _told(_refusal(form, judgement), judgement, warnings)


def _told(error: InvalidPool, judgement: Judgement, warnings: tuple[str, ...]) -> dict[str, Any]:
    return {
        "valid": not error.problems,
        "errors": [dict(one) for one in entries(error)],
        "moreErrors": error.more,
        "warnings": list(warnings),
        "haproxy": judgement.haproxy or None,
    }


def _refusal(form: Form, judgement: Judgement) -> InvalidPool:
    return InvalidPool(_in_form(form, problem) for problem in judgement.problems)


def _in_form(form: Form, problem: Problem) -> Problem:
    return replace(problem, path=form.sentence(problem.path))


def unchecked(judgement: Judgement) -> tuple[str, ...]:
    """That HAProxy was not asked, and why; nothing where it was."""
    if not judgement.unchecked:
        return ()
    return (f"HAProxy was not asked whether it takes the pool: {judgement.unchecked}",)
