"""Tasks on demand of a simulated cluster: started, stopped and replaced when a test or a benchmark says so.

    tasks = TasksOnDemand(cluster.address)
    [shop] = tasks.start([NewTask(name="shop", address="127.9.0.1", port=8001)])
    tasks.stop([shop])                                   # TASK_KILLED

    [old, new] = tasks.prepare([..., ...])               # both are TASK_STARTING
    moment = tasks.change([(new, "TASK_RUNNING"), (old, "TASK_KILLED")])

Whoever follows the operator stream hears of it as of every task: TASK_ADDED, then TASK_UPDATED for each state. Each
address is an agent of its own. `python -m sdk.local.simulated.tasks start|stop|replace` does the same from a shell.
Knows requests and the command line; what is done with them is the simulation's.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sdk.errors import SdkError
from sdk.local.core.wire import Json
from sdk.local.fault_client import send
from sdk.local.flags import tcp_port
from sdk.local.simulated.endpoint import ENDPOINT
from sdk.local.simulated.on_demand import STATES, NewTask

_TIMEOUT = 60.0
_STOPPED = "TASK_KILLED"


class TasksOnDemand:
    """The tasks of the simulated cluster whose master is at `address`, `host:port`.

    Every method returns when the master has told it all. FaultError when something is refused, with the reason;
    EnvironmentProblem when the master does not answer.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def prepare(self, tasks: Iterable[NewTask]) -> list[str]:
        """Launch tasks; they stay TASK_STARTING. Their ids, in order."""
        ids: list[str] = self._ask({"tasks": [asdict(task) for task in tasks]})["tasks"]
        return ids

    def change(self, states: Iterable[tuple[str, str]]) -> float:
        """Let tasks get into states, in this order and all at once.

        Returns when the last event was written to those who follow the operator stream, by this machine's monotonic
        clock.
        """
        moment: float = self._ask({"changes": [list(item) for item in states]})["monotonic"]
        return moment

    def start(self, tasks: Iterable[NewTask]) -> list[str]:
        """Launch tasks and let them run; their ids."""
        ids = self.prepare(tasks)
        self.change((task_id, "TASK_RUNNING") for task_id in ids)
        return ids

    def stop(self, ids: Iterable[str], state: str = _STOPPED) -> float:
        """End tasks in that state; as `change`."""
        return self.change((task_id, state) for task_id in ids)

    def _ask(self, content: Json) -> Json:
        return send(
            f"the simulated cluster at {self._address}",
            f"http://{self._address}{ENDPOINT}", "POST", content, None, _TIMEOUT,
        )  # fmt: skip


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m sdk.local.simulated.tasks",
        description="Start and stop single tasks of a simulated cluster.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--master", default="127.0.0.1:15010", metavar="HOST:PORT")
    commands = result.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="a task starts and runs; prints its id")
    replace = commands.add_parser("replace", help="a task starts and runs, then another one ends; prints the new id")
    stop = commands.add_parser("stop", help="tasks end")
    for command in (start, replace):
        command.add_argument("--name", required=True)
        command.add_argument("--address", default="127.9.0.1", help="its agent's; each address is an agent of its own")
        command.add_argument("--port", type=tcp_port, required=True)
        command.add_argument("--label", type=_label, action="append", default=[], metavar="KEY=VALUE")
    replace.add_argument("id", help="of the task that ends")
    stop.add_argument("ids", nargs="+", metavar="id")
    for command in (replace, stop):
        command.add_argument("--state", choices=STATES, default=_STOPPED, help="how it ends")
    result.epilog = "".join(command.format_usage() for command in (start, replace, stop))
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    given = parser().parse_args(argv)
    tasks = TasksOnDemand(given.master)
    try:
        if given.command == "stop":
            tasks.stop(given.ids, given.state)
            return 0
        new = NewTask(name=given.name, address=given.address, port=given.port, labels=dict(given.label))
        [task_id] = tasks.prepare([new])
        ended = [(given.id, given.state)] if given.command == "replace" else []
        tasks.change([(task_id, "TASK_RUNNING"), *ended])
    except SdkError as error:
        sys.stderr.write(f"tasks: {error}\n")
        return 1
    sys.stdout.write(f"{task_id}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
