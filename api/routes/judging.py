"""Pools judged over HTTP, in the form of one version of the API: before they are stored, and instead of it.

Knows how a judgement is told. Does not know how one is made (validation).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from api.prospects.client import Prospect
from api.routes.pool_forms import Form
from api.validation.judgement import Judgement, as_stored
from api.validation.trials import Trials
from api.web.authentication import account
from api.web.problems import ApiProblem, entries
from scheduler.pools.advice.pool import pool_warnings
from scheduler.pools.model import Pool
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.stored.record import StoredPool


def require_taken(trials: Trials, form: Form, pool: StoredPool) -> tuple[str, ...]:
    """Nothing is stored that HAProxy refuses: ApiProblem 400 says what. What has to be said of a pool that it takes."""
    judgement = trials.judge(pool, account())
    if judgement.problems:
        raise ApiProblem.of_pool(_refusal(form, judgement))
    return unchecked(judgement)


def verdict(
    trials: Trials,
    form: Form,
    body: object,
    author: str = "",
    *,
    framework: str = "edgelb",
    ask: Callable[[Pool, None], Prospect] | None = None,
) -> dict[str, Any]:
    """What would be said if the pool of the body was stored by this account.

    `framework` is the name of the one that runs all pools; `ask` asks whether services get servers, where somebody can
    be asked.
    """
    try:
        pool = form.load(body)
    except InvalidPool as error:
        return _told(error, Judgement(), ())
    prospect = ask(pool, None) if ask is not None else None
    judgement = trials.judge(as_stored(pool), author)
    advice = (*pool_warnings(pool, framework), *(prospect.warnings() if prospect is not None else ()))
    warnings = (*map(form.sentence, advice), *unchecked(judgement))
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
