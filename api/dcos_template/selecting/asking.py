"""What services ask of tasks, for whoever explains why a backend has no servers, or what becomes of a task. Pure."""

from api.dcos_template.selecting.endpoint import task_endpoints
from api.dcos_template.selecting.explain import Asked, Condition, why_no_server
from api.dcos_template.selecting.selection import Rules, Selection
from api.dcos_template.selecting.selector import Selector, selected
from api.dcos_template.selecting.touched import BackendKey
from api.mesos_listener.task import Task, TaskKey

_MOST_TOLD = 20


def asked(selection: Selection, backend: BackendKey) -> list[Asked]:
    """Of each service that selects tasks; those with a fixed address ask nothing."""
    return [asked_by(selector, selection.rules) for selector in selection.selectors(backend)]


def services_told(selection: Selection, task: TaskKey) -> list[dict[str, object]]:
    """The services that select a task: the servers that it is by each, or why it is none."""
    told: list[dict[str, object]] = []
    known = selection.tasks.get(task)
    if known is None:
        return told
    for service, selector, chosen in selection.services_of(known):
        pool, backend = service.backend
        why = chosen.left_out or ("" if chosen.endpoints else why_no_server(asked_by(selector, selection.rules), known))
        servers = [{"at": f"{one.host}:{one.port}", "state": one.state.value} for one in chosen.endpoints[:_MOST_TOLD]]
        told.append({"pool": pool, "backend": backend, "servers": servers, "leftOut": why})
    told.sort(key=lambda one: (str(one["pool"]), str(one["backend"])))
    return told[:_MOST_TOLD]


def asked_by(selector: Selector, rules: Rules) -> Asked:
    """Of one service."""
    return Asked(
        conditions=[
            *(Condition(field, value, False, value.__eq__) for field, value in selector.exact),
            *(Condition(field, pattern.text, True, pattern.found_in) for field, pattern in selector.patterns),
        ],
        wish=selector.wish,
        left_out=lambda task: _why_not(selector, rules, task),
    )


def _why_not(selector: Selector, rules: Rules, task: Task) -> str:
    """Why a task that meets the conditions is no server; empty when that is not known."""
    if selected(selector, task, rules.own_framework):
        return task_endpoints(selector.wish, task, rules.servers_per_task).left_out
    if task.framework_name == rules.own_framework:
        return "is a load balancer, which is selected only by the name of its framework or its task id"
    return (
        "is called like a Marathon service, but its framework is no Marathon; name it in mesos.frameworkName, or in"
        " --marathons of the listener"
    )
