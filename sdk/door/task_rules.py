"""Rules of a task, and of what it is made of: command, executor, ports, health check."""

import re

from sdk.door.names import bad_name, twice
from sdk.door.problems import shown
from sdk.door.rule import Broken, Rules
from sdk.model.container import Containerizer
from sdk.model.readiness import ReadinessCheckSpec
from sdk.model.resources import MILLI
from sdk.model.spec import CommandSpec, ExecutorSpec, HealthCheckSpec, PortSpec, TaskSpec

LONGEST = 1e9
"""Seconds: Mesos counts in nanoseconds, of which 64 bits hold not much more."""
_MOST_FAILURES = 2**32 - 1

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_VIP = re.compile(rf"/?{_LABEL}(?:[./]{_LABEL})*:[0-9]{{1,5}}")

rule = Rules(TaskSpec)
command = Rules(CommandSpec)
executor = Rules(ExecutorSpec)
port = Rules(PortSpec)
health_check = Rules(HealthCheckSpec)
readiness_check = Rules(ReadinessCheckSpec)


@rule("name")
def _name(task: TaskSpec) -> Broken:
    """As that of a service."""
    if (broken := bad_name(task.name)) is not None:
        yield "name", broken


@rule("cpus", "mem", "disk")
def _amounts(task: TaskSpec) -> Broken:
    """0 or more; cpus and mem not both 0."""
    for name in ("cpus", "mem", "disk"):
        if (amount := getattr(task, name)) < 0:
            yield name, f"is {shown(amount)}, has to be 0 or more"
    if not (task.cpus or task.mem):
        yield "cpus", "and mem are both 0: Mesos refuses a task without resources"


@rule("command", "executor")
def _one_of(task: TaskSpec) -> Broken:
    """Exactly one of command and executor."""
    if (task.command is None) == (task.executor is None):
        yield "command", "or executor has to be given, and not both"


@rule("cpus", "mem", "executor")
def _share(task: TaskSpec) -> Broken:
    """More cpus and mem than the executor has of them."""
    if task.executor is None:
        return
    for name in ("cpus", "mem"):
        share, whole = getattr(task.executor, name), getattr(task, name)
        if share > whole or (share == whole and share):
            rule = f"has to be more than the executor's share of {share / MILLI}, which is taken from it"
            yield name, f"is {whole / MILLI}, {rule}"


@rule("executor", "health_check", "readiness_check")
def _checked_by_mesos(task: TaskSpec) -> Broken:
    """Checks are for commands; custom executors report health themselves."""
    for name in ("health_check", "readiness_check"):
        if task.executor is not None and getattr(task, name) is not None:
            yield name, "is not run by Mesos for custom executors; use reports_health"


@rule("ports")
def _ports(task: TaskSpec) -> Broken:
    """No name twice."""
    for name in twice(port.name for port in task.ports):
        yield "ports", f"{name!r:.80} occurs twice"


@rule("ports", "health_check", "readiness_check")
def _checked_port(task: TaskSpec) -> Broken:
    """An http or tcp check names a port of the task that is there in any case."""
    for name, check in (("health_check", task.health_check), ("readiness_check", task.readiness_check)):
        if check is not None and check.command is None and check.port not in {port.name for port in task.ports}:
            yield f"{name}.port", f"{shown(check.port)} is no port of the task"
        elif check is not None and any(port.optional for port in task.ports if port.name == check.port):
            yield f"{name}.port", f"{shown(check.port)} is optional: there may be nothing to check"


@rule("executor", "cpus", "mem", "limits")
def _limits(task: TaskSpec) -> Broken:
    """Limits of cpus and mem are for commands, and not below what the task asks for."""
    for name in ("cpus", "mem"):
        limit = None if task.limits is None else getattr(task.limits, name)
        if limit is None:
            continue
        if task.executor is not None:
            yield f"limits.{name}", "has no place in a task with a custom executor: Mesos limits the task alone"
        elif limit < getattr(task, name):
            yield f"limits.{name}", f"is {limit / MILLI}, less than the {getattr(task, name) / MILLI} that it asks for"


@rule("container", "limits")
def _kernel(task: TaskSpec) -> Broken:
    """`rlimits`, `seccomp` and `shm` are for containers that Mesos makes."""
    if task.limits is None or task.container.type is not Containerizer.DOCKER:
        return
    for name in ("rlimits", "seccomp", "shm"):
        if getattr(task.limits, name):
            yield f"limits.{name}", "means nothing to Docker's containerizer; use its parameters"


@rule("kill_grace")
def _kill_grace(task: TaskSpec) -> Broken:
    """0 to 1e9 seconds."""
    if not 0 <= task.kill_grace <= LONGEST:
        yield "kill_grace", f"is {task.kill_grace}, has to be 0 to {LONGEST:.0f} seconds"


@command("environment")
@rule("environment")
def _environment(owner: TaskSpec | CommandSpec) -> Broken:
    """Names of variables are not empty and hold no `=`."""
    for name in owner.environment:
        if not name or "=" in name or "\0" in name:
            yield "environment", f"{shown(name)} is no name of a variable"


@executor("cpus", "mem", "shutdown_grace")
def _executor(spec: ExecutorSpec) -> Broken:
    """Amounts are 0 or more, the grace is 0 to 1e9 seconds."""
    for name in ("cpus", "mem"):
        if (amount := getattr(spec, name)) < 0:
            yield name, f"is {shown(amount)}, has to be 0 or more"
    if not 0 <= spec.shutdown_grace <= LONGEST:
        yield "shutdown_grace", f"is {spec.shutdown_grace}, has to be 0 to {LONGEST:.0f} seconds"


@port("name")
def _port_name(spec: PortSpec) -> Broken:
    """As that of a service."""
    if (broken := bad_name(spec.name)) is not None:
        yield "name", broken


@port("number")
def _number(spec: PortSpec) -> Broken:
    """0 (any) to 65535."""
    if not 0 <= spec.number <= 65535:
        yield "number", f"is {shown(spec.number)}, has to be 0 (dynamic) to 65535"


@port("container_port")
def _container_port(spec: PortSpec) -> Broken:
    """1 to 65535."""
    if spec.container_port is not None and not 1 <= spec.container_port <= 65535:
        yield "container_port", f"is {shown(spec.container_port)}, has to be 1 to 65535"


@port("vips")
def _vips(spec: PortSpec) -> Broken:
    """A name (perhaps with `/` before it) or an IPv4 address, `:`, and a port."""
    for vip in spec.vips:
        if not _VIP.fullmatch(vip) or not 1 <= int(vip.rpartition(":")[2]) <= 65535:
            yield "vips", f"{shown(vip)} is not like `/web:80`, `web.group:80` or `1.2.3.4:80`"


@port("ranges")
def _ranges(spec: PortSpec) -> Broken:
    """Within 1 to 65535."""
    for begin, end in spec.ranges:
        if not 1 <= begin <= end <= 65535:
            yield "ranges", f"{shown(begin)}-{shown(end)} is not a range within 1-65535"


@readiness_check("command", "http_path", "tcp")
@health_check("command", "http_path", "tcp")
def _kind(check: HealthCheckSpec | ReadinessCheckSpec) -> Broken:
    """Exactly one of command, http_path and tcp."""
    if sum((check.command is not None, check.http_path is not None, check.tcp)) != 1:
        yield "", "needs exactly one of command, http_path and tcp"


@readiness_check("http_path")
@health_check("http_path")
def _path(check: HealthCheckSpec | ReadinessCheckSpec) -> Broken:
    """A path begins with `/`."""
    if check.http_path is not None and not check.http_path.startswith("/"):
        yield "http_path", f"{shown(check.http_path)} has to begin with /"


@readiness_check("delay", "interval", "timeout")
def _readiness_times(check: ReadinessCheckSpec) -> Broken:
    """0 to 1e9 seconds."""
    for name in ("delay", "interval", "timeout"):
        if not 0 <= (seconds := getattr(check, name)) <= LONGEST:
            yield name, f"is {seconds}, has to be 0 to {LONGEST:.0f} seconds"


@health_check("grace", "interval", "timeout", "max_failures")
def _times(check: HealthCheckSpec) -> Broken:
    """Times are 0 to 1e9 seconds, failures 0 to 4294967295."""
    for name in ("grace", "interval", "timeout"):
        if not 0 <= (seconds := getattr(check, name)) <= LONGEST:
            yield name, f"is {seconds}, has to be 0 to {LONGEST:.0f} seconds"
    if not 0 <= check.max_failures <= _MOST_FAILURES:
        yield "max_failures", f"is {shown(check.max_failures)}, has to be 0 to {_MOST_FAILURES}"
