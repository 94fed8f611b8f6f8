"""Why a service that is not stored yet would get no server of the tasks that run now. Pure."""

from collections.abc import Callable

from api.dcos_template.asking import asked_by
from api.dcos_template.endpoint import task_endpoints
from api.dcos_template.explain import why_no_servers
from api.dcos_template.select import Rules
from api.dcos_template.selector import Selector, compile_service, selected
from api.dcos_template.tasks import Tasks
from api.mesos_listener.task import Task
from scheduler.pools.model import Service
from sdk.pattern import BadPattern


def why_none(pool: str, service: Service, tasks: Tasks, rules: Rules, in_time: Callable[[], bool]) -> str:
    """The reason in the words of the pool's status; empty when it gets a server, or nothing was found in time."""
    try:
        selector = compile_service(pool, service)
    except BadPattern:
        return ""  # whoever stores it is told so
    if not selector.exact and not selector.patterns:
        return ""
    for key in tasks.candidates(selector):
        if not in_time():
            return ""
        task = tasks.task(key)
        if selected(selector, task, rules.own_framework) and _makes_servers(selector, task, rules):
            return ""
    return why_no_servers([asked_by(selector, rules)], tasks) if in_time() else ""


def _makes_servers(selector: Selector, task: Task, rules: Rules) -> bool:
    """Whether it could be one: that it is not healthy at this moment says nothing of the service."""
    return bool(task_endpoints(selector.wish, task, rules.servers_per_task).endpoints)
