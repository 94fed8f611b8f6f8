"""`edgelb local ps`: the processes of a local stack by name, so that one can look at them, or kill one.

Knows how each process is recognised. The names follow what the process does: `scheduler`, `agent1`,
`web/edgelb-pool-0/haproxy`, `web/edgelb-pool-0/worker`, `web/edgelb-pool-0/executor`, `webapp-0-web`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.local.directory import directory_option
from api.cli.local.place import Place
from api.cli.output import data, table, talk
from sdk.local import processes

_COMPONENTS = ("scheduler", "listener", "template", "api")
_POOL_TASK = re.compile(r"dcos-edgelb\.pools\.(?P<pool>.+?)__(?P<instance>.+)-server__")


def process_name(arguments: Sequence[str], environment: Mapping[str, str], parent: str | None) -> str | None:
    """What the process with this command line is in a stack, None when it is nothing of its own. Pure.

    `parent` is the name of the process above it: HAProxy gets a clean environment, and its worker the same command
    line as its master.
    """
    program = Path(arguments[0]).name if arguments else ""
    module = arguments[arguments.index("-m") + 1] if "-m" in arguments[:-1] else ""
    rest = arguments[arguments.index(module) + 1 :] if module else []
    if program == "java":
        return "zookeeper"
    if module == "sdk.local.master":
        return Path(rest[rest.index("--work-dir") + 1]).name if "--work-dir" in rest[:-1] else "master"
    if module == "sdk.local.agent":
        return rest[rest.index("--hostname") + 1] if "--hostname" in rest[:-1] else "agent"
    if module == "api.cli.main" and rest[:1] == ["serve"]:
        return "serve"
    if module == "api.cli.main" and rest[:1] == ["run"] and rest[1:2] and rest[1] in _COMPONENTS:
        return rest[rest.index("--name") + 1] if "--name" in rest[:-1] else rest[1]
    if program == "haproxy" and parent is not None:
        instance, _, above = parent.rpartition("/")
        return f"{instance}/{'worker' if above in ('haproxy', 'worker') else 'haproxy'}"
    if task := _POOL_TASK.match(environment.get("MESOS_EXECUTOR_ID", "")):
        instance = f"{task['pool']}/{task['instance']}"
        return f"{instance}/executor" if any(one.endswith("pool_executor.pyz") for one in arguments) else None
    # Tasks of the sample application; the command executor above each is the agent's, not the task's.
    ours = not any(argument.endswith("command_executor.py") for argument in arguments)
    return environment.get("TASK_NAME") if ours else None


def stack_processes(root: int, directory: Path | None = None) -> list[tuple[str, int, str]]:
    """(name, process id, command line) of everything that descends from `root`, parents before children.

    An executor that outlived its agent descends from nobody any more: its sandbox below `directory` tells it.
    """
    found = processes.descendants(root)
    for pid in _adopted(directory, set(found)) if directory else ():
        found += [pid, *processes.descendants(pid)]
    names: dict[int, str] = {}
    lines: dict[int, str] = {}
    for pid in found:
        arguments = processes.command_line(pid)
        name = process_name(arguments, processes.environment(pid), names.get(processes.parent(pid) or 0))
        if name:
            names[pid], lines[pid] = name, " ".join([Path(arguments[0]).name, *arguments[1:]])
    return [(name, pid, lines[pid]) for pid, name in names.items()]


def _adopted(directory: Path, known: set[int]) -> list[int]:
    below = f"{directory}/"
    orphans = {
        pid
        for pid in processes.everyone()
        if pid not in known and processes.environment(pid).get("MESOS_SANDBOX", "").startswith(below)
    }
    return sorted(pid for pid in orphans if processes.parent(pid) not in orphans)


@click.command("ps")
@click.argument("name", metavar="[NAME]", required=False)
@directory_option
def ps_command(name: str | None, directory: Path) -> None:
    """Show the processes of the stack that runs here; with NAME only the process ids of that one."""
    place = Place(directory.resolve())
    pid = place.running()
    if pid is None:
        raise Failure(f"no stack is running from {directory}; {place.command('up')} starts one", Exit.UNREACHABLE)
    found = stack_processes(pid, directory.resolve())
    if name is None:
        data(table(("NAME", "PID", "COMMAND"), [(one, str(number), line[:90]) for one, number, line in sorted(found)]))
        return
    chosen = [number for one, number, _ in found if one == name]
    if not chosen:
        talk(f"There are {', '.join(sorted({one for one, _, _ in found}))}.")
        raise Failure(f"no process of the stack is called {name}", Exit.NOT_FOUND)
    for number in chosen:
        data(str(number))
