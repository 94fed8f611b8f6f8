"""A framework on plain pymesos, without anything of ours: proof that a master is one, the embedded Mesos included.

It launches some tasks that finish and one that goes on, asks the master what runs (reconciliation), kills what does,
and takes its leave with TEARDOWN. A line on stdout for each step; the exit status is 0 when all of them came true.

`--master` is `host:port` or `zk://host:port/path`. pymesos' driver ends the framework when a callback raises, and its
`stop` sends TEARDOWN; a framework that is to live on should stand on `sdk.mesos.driver`, which does neither.
"""

import argparse
import getpass
import sys
import threading
from typing import Any

import pymesos

CPUS, MEM = 0.1, 32
KEEPER = "keeper"
"""The task that runs until it is killed."""


def amount(offer: Any, name: str) -> float:
    """How much of a scalar resource an offer has."""
    return sum(float(each["scalar"]["value"]) for each in offer["resources"] if each["name"] == name)


class Example(pymesos.Scheduler):  # type: ignore[misc]  # pymesos ships no types
    """Each task once; callbacks run on the driver's one thread."""

    def __init__(self, finishing: int) -> None:
        self.done = threading.Event()
        self.failure = ""
        self._waiting = {f"task-{number}": "echo hello; sleep 0.1" for number in range(1, finishing + 1)}
        self._waiting[KEEPER] = "sleep 100000"
        self._running: set[str] = set()
        self._finished: set[str] = set()
        self._wanted = set(self._waiting)
        self._asked = False

    def registered(self, _driver: Any, framework_id: Any, master_info: Any) -> None:
        say(f"subscribed to {master_info['hostname']}:{master_info['port']} as {framework_id['value']}")

    def resourceOffers(self, driver: Any, offers: Any) -> None:  # noqa: N802 - pymesos' name
        for offer in offers:
            cpus, mem, tasks = amount(offer, "cpus"), amount(offer, "mem"), []
            while self._waiting and cpus >= CPUS and mem >= MEM:
                task_id, command = self._waiting.popitem()
                tasks.append(task_info(task_id, command, offer))
                cpus, mem = cpus - CPUS, mem - MEM
            if tasks:
                say(f"launching {', '.join(sorted(task['name'] for task in tasks))} on {offer['hostname']}")
                driver.launchTasks([offer["id"]], tasks)
            else:
                driver.declineOffer([offer["id"]], {"refuse_seconds": 60.0})

    def statusUpdate(self, driver: Any, update: Any) -> None:  # noqa: N802 - pymesos' name
        task_id, state = update["task_id"]["value"], update["state"]
        if update.get("reason") == "REASON_RECONCILIATION":
            say(f"{task_id} {state} (reconciled)")
            if task_id == KEEPER and state == "TASK_RUNNING":
                driver.killTask({"value": KEEPER})
            return
        say(f"{task_id} {state}")
        match state:
            case "TASK_RUNNING":
                self._running.add(task_id)
            case "TASK_FINISHED" if task_id != KEEPER:
                self._finished.add(task_id)
            case "TASK_KILLED" if task_id == KEEPER:
                self._finished.add(task_id)
            case "TASK_STAGING" | "TASK_STARTING" | "TASK_KILLING":
                pass
            case _:
                self.end(f"{task_id} is {state}: {update.get('message', 'no reason given')}")
        if not self._asked and self._finished == self._wanted - {KEEPER} and KEEPER in self._running:
            self._asked = True
            driver.reconcileTasks([])
        if self._finished == self._wanted:
            self.end("")

    def error(self, _driver: Any, message: Any) -> None:
        self.end(str(message))

    def end(self, failure: str) -> None:
        """All is over, well when `failure` is empty."""
        self.failure = self.failure or failure
        self.done.set()


def task_info(task_id: str, command: str, offer: Any) -> dict[str, Any]:
    """A command task on the agent of an offer."""
    return {
        "task_id": {"value": task_id},
        "agent_id": offer["agent_id"],
        "name": task_id,
        "command": {"value": command},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": CPUS}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": MEM}},
        ],
    }


def say(line: str) -> None:
    """At once, also into a pipe."""
    print(line, flush=True)  # noqa: T201 - for a terminal


def main() -> int:
    """Run once."""
    parser = argparse.ArgumentParser(description="A framework on plain pymesos: some tasks, reconciliation, a kill.")
    parser.add_argument("--master", required=True, help="host:port or zk://host:port/path")
    parser.add_argument("--tasks", type=int, default=2, help="how many tasks that finish (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for all of it (default: %(default)s)")
    options = parser.parse_args()

    example = Example(options.tasks)
    framework = {
        "user": getpass.getuser(),
        "name": "pymesos example",
        "roles": ["pymesos-example"],
        "capabilities": [{"type": "MULTI_ROLE"}],
    }
    driver = pymesos.MesosSchedulerDriver(example, framework, options.master)
    driver.start()
    if not example.done.wait(options.timeout):
        example.end(f"not done within {options.timeout:g} s")
    driver.stop()
    driver.join()
    say(example.failure or "done")
    return 1 if example.failure else 0


if __name__ == "__main__":
    sys.exit(main())
