"""Why a service that is not stored yet would get no server of the tasks that run now.

The search has a pace (pace.py), and ends when its time is over.
"""

from api.dcos_template.selecting.asking import asked_by
from api.dcos_template.selecting.endpoint import task_endpoints
from api.dcos_template.selecting.explain import why_no_servers
from api.dcos_template.selecting.selection import Rules
from api.dcos_template.selecting.selector import Selector, compile_service, selected
from api.dcos_template.selecting.tasks import Tasks
from api.mesos_listener.task import Task
from api.prospects.pace import Pace
from scheduler.pools.model import Service
from sdk.pattern import BadPattern


def why_none(pool: str, service: Service, tasks: Tasks, rules: Rules, pace: Pace) -> str:
    """The reason in the words of the pool's status; empty when it gets a server. Raises OutOfTime."""
    pace.check()
    try:
        selector = compile_service(pool, service)
    except BadPattern:
        return ""  # whoever stores it is told so
    if not selector.exact and not selector.patterns:
        return ""
    for key in pace.over(tasks.candidates(selector)):
        task = tasks.task(key)
        if selected(selector, task, rules.own_framework) and _makes_servers(selector, task, rules):
            return ""
    asked = asked_by(selector, rules)
    conditions = [one._replace(accepts=pace.calls(one.accepts)) for one in asked.conditions]
    return why_no_servers([asked._replace(conditions=conditions)], tasks)


def _makes_servers(selector: Selector, task: Task, rules: Rules) -> bool:
    """Whether it could be one: that it is not healthy at this moment says nothing of the service."""
    return bool(task_endpoints(selector.wish, task, rules.servers_per_task).endpoints)
