"""Whether a pool asks for the principal that it gets: all pools are services of one framework, which has one.

The scheduler knows it, and refuses pools of others; whoever writes one is to hear of it at once.
"""

from api.observed.scheduler_link import SchedulerLink
from api.web.problems import ApiProblem
from scheduler.pools.model import Pool
from scheduler.pools.principal import principal_problem
from scheduler.pools.problems import InvalidPool, Problem


def require_own(scheduler: SchedulerLink, pool: Pool) -> tuple[str, ...]:
    """Nothing for a pool that names none, or the framework's. ApiProblem 400 for another one; a warning when there is
    no scheduler to be asked: it will say the same in the pool's status.
    """
    if not pool.principal:
        return ()
    try:
        answer = scheduler.call("GET", "/v1/state").body
        own = answer["framework"]["principal"]
    except ApiProblem as problem:
        return (f"pool.principal was not compared with that of the framework: {problem.message}",)
    except (TypeError, KeyError):
        return ("pool.principal was not compared with that of the framework: its scheduler does not tell it",)
    rule = principal_problem(pool.principal, own)
    if rule is None:
        return ()
    raise ApiProblem.of_pool(InvalidPool((Problem(path="pool.principal", value=pool.principal, rule=rule),)))
