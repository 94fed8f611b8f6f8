"""Rules of a pod, and of how it is recovered and updated."""

from collections.abc import Iterable

from sdk.door.names import bad_name, twice
from sdk.door.problems import shown
from sdk.door.rule import Broken, Rules
from sdk.door.task_rules import LONGEST
from sdk.errors import InvalidSpec
from sdk.model.container import Containerizer
from sdk.model.readiness import OnNotReady
from sdk.model.roles import is_role
from sdk.model.spec import PodSpec, RecoveryPolicy, TaskSpec, UpdateStrategy
from sdk.offer.placement import checked
from sdk.offer.rules import inner

POD_NAME_LIMIT = 120
"""With the instance's number behind it, it is a segment of a path, too."""
COUNT_LIMIT = 10_000
"""Instances of a pod: far more than a cluster holds, few enough for a record each."""

MOST_RULES = 100
"""Rules of placement of one pod, with those inside of others: each offer is held against all of them."""
LEAST_CPUS, LEAST_MEM = 10, 32_000
"""Thousandths: an executor of a group with less Mesos refuses."""

rule = Rules(PodSpec)
recovery = Rules(RecoveryPolicy)
update = Rules(UpdateStrategy)


@rule("name")
def _name(pod: PodSpec) -> Broken:
    """As that of a service, at most 120."""
    if (broken := bad_name(pod.name, POD_NAME_LIMIT)) is not None:
        yield "name", broken


@rule("count")
def _count(pod: PodSpec) -> Broken:
    """0 to 10000."""
    if not 0 <= pod.count <= COUNT_LIMIT:
        yield "count", f"is {shown(pod.count)}, has to be 0 or more, and at most {COUNT_LIMIT}"


@rule("tasks")
def _tasks(pod: PodSpec) -> Broken:
    """At least one that is essential; no name twice."""
    if not any(task.essential for task in pod.tasks):
        yield "tasks", "has to hold at least one task that is essential"
    for name in twice(task.name for task in pod.tasks):
        yield "tasks", f"{name!r:.80} occurs twice"


@rule("tasks")
def _ports(pod: PodSpec) -> Broken:
    """Tasks that share a network share no port."""
    together = [task for task in pod.tasks if task.container.on_agents_network]
    apart = [[task] for task in pod.tasks if not task.container.on_agents_network]
    for tasks in [together, *apart]:
        for number in _wanted_twice(tasks):
            yield "tasks", f"port {number} is wanted twice by one instance"


@rule("tasks", "group")
def _group(pod: PodSpec) -> Broken:
    """Tasks of a group have commands, and no networks of their own nor Docker's containers; its executor has 0.01 cpus,
    32 MB and some disk.
    """
    if pod.group is None:
        return
    if pod.group.cpus < LEAST_CPUS:
        yield "group.cpus", f"is {shown(pod.group.cpus)}, has to be {LEAST_CPUS} (thousandths) or more"
    if pod.group.mem < LEAST_MEM:
        yield "group.mem", f"is {shown(pod.group.mem)}, has to be {LEAST_MEM} (thousandths) or more"
    if pod.group.disk < 1:
        yield "group.disk", f"is {shown(pod.group.disk)}, has to be above 0"
    if not 0 <= pod.group.shutdown_grace <= LONGEST:
        yield "group.shutdown_grace", f"is {pod.group.shutdown_grace}, has to be 0 to {LONGEST:.0f} seconds"
    for task in pod.tasks:
        if task.executor is not None:
            yield f"tasks.{task.name}.executor", "has no place in a group, whose tasks run under Mesos' own"
        if task.container.networks:
            yield f"tasks.{task.name}.container.networks", "have no place in a group, whose tasks share a network"
        if task.container.type is Containerizer.DOCKER:
            yield f"tasks.{task.name}.container.type", "has no place in a group, whose containers Mesos makes"


def _wanted_twice(tasks: Iterable[TaskSpec]) -> list[str]:
    return twice(str(port.number) for task in tasks for port in task.ports if port.number)


@rule("role")
def _role(pod: PodSpec) -> Broken:
    """A role as Mesos takes it."""
    if not is_role(pod.role):
        yield "role", f"{shown(pod.role)} is not a Mesos role"


@rule("role", "prereserved_role")
def _prereserved(pod: PodSpec) -> Broken:
    """`role` is a child of it, such as `slave_public/web` of `slave_public`."""
    parent = pod.prereserved_role
    if parent is not None and not pod.role.startswith(f"{parent}/"):
        yield "role", f"has to be a child of {parent:.80}, such as {parent:.80}/web, not {shown(pod.role)}"


@rule("constraints")
def _constraints(pod: PodSpec) -> Broken:
    """Marathon's, `(field, operator)` or `(field, operator, value)`; operators in any case."""
    for index, constraint in enumerate(pod.constraints):
        try:
            checked([constraint])
        except InvalidSpec as error:
            yield f"constraints[{index}]", error.rule


@recovery("start_timeout", "ready_timeout", "on_not_ready")
def _coming_up(policy: RecoveryPolicy) -> Broken:
    """Timeouts are above 0; what happens to a task that is not ready in time needs such a time."""
    for name in ("start_timeout", "ready_timeout"):
        if (seconds := getattr(policy, name)) is not None and seconds <= 0:
            yield name, f"is {seconds}, has to be above 0 seconds"
    if policy.on_not_ready is not OnNotReady.WAIT and policy.ready_timeout is None:
        yield "ready_timeout", f"has to be given with on_not_ready {policy.on_not_ready.value}"


@rule("placement")
def _placement(pod: PodSpec) -> Broken:
    """At most 100 rules, with those inside of others."""
    if len(list(inner(pod.placement))) > MOST_RULES:
        yield "placement", f"holds more than {MOST_RULES} rules"


@recovery("replace_after", "backoff_initial", "backoff_factor", "backoff_max", "stable_after", "launch_timeout")
def _recovery(policy: RecoveryPolicy) -> Broken:
    """Times are 0 or more, `launch_timeout` is above 0, `backoff_factor` 1 or more."""
    for name in ("replace_after", "backoff_initial", "backoff_max", "stable_after"):
        if (seconds := getattr(policy, name)) < 0:
            yield name, f"is {seconds}, has to be 0 or more seconds"
    if policy.launch_timeout <= 0:
        yield "launch_timeout", f"is {policy.launch_timeout}, has to be above 0 seconds"
    if policy.backoff_factor < 1:
        yield "backoff_factor", f"is {policy.backoff_factor}, has to be 1 or more"


@update("max_unavailable")
def _max_unavailable(strategy: UpdateStrategy) -> Broken:
    """1 or more."""
    if strategy.max_unavailable < 1:
        yield "max_unavailable", f"is {shown(strategy.max_unavailable)}, has to be 1 or more, or nothing is updated"


@update("max_surge")
def _max_surge(strategy: UpdateStrategy) -> Broken:
    """0 or more."""
    if strategy.max_surge < 0:
        yield "max_surge", f"is {shown(strategy.max_surge)}, has to be 0 or more"


@update("canary")
def _canary(strategy: UpdateStrategy) -> Broken:
    """0 or more."""
    if strategy.canary < 0:
        yield "canary", f"is {shown(strategy.canary)}, has to be 0 or more"


@update("min_ready")
def _min_ready(strategy: UpdateStrategy) -> Broken:
    """0 or more seconds."""
    if strategy.min_ready < 0:
        yield "min_ready", f"is {strategy.min_ready}, has to be 0 or more seconds"
