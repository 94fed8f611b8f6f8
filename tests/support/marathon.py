"""What Marathon does with an app definition, for one instance at a time: an offer, a task of the command, its ports.

Follows Marathon's documented task environment and its translation of `healthChecks`. A framework of its own, over the
scheduler driver; TEARDOWN at the end, as nothing of it shall stay.
"""

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdk.mesos import base
from sdk.mesos.driver import MesosDriver

Json = dict[str, Any]

# Long enough for others to be asked, short enough for the next launch.
_REFUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A task and where it was put."""

    task_id: str
    agent: str
    ports: Mapping[str, int]
    """By their names in `portDefinitions`."""


class Marathon(base.Scheduler):  # type: ignore[misc]  # pymesos ships no types
    """`with Marathon(master) as marathon: marathon.launch(definition)`."""

    def __init__(self, master: str, name: str = "marathon") -> None:
        self._condition = threading.Condition()
        self._offers: list[Json] = []
        self._launching = False
        self._states: dict[str, Json] = {}
        framework = {
            "user": "root",
            "name": name,
            "roles": [name],
            "capabilities": [{"type": "MULTI_ROLE"}],
            "failover_timeout": 3600.0,
            "checkpoint": True,
        }
        self._driver = MesosDriver(self, framework, master)

    def __enter__(self) -> "Marathon":
        self._driver.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._driver.teardown()
        self._driver.stop()
        self._driver.join(10)

    # -- what tests ask for

    def launch(self, app: Json, timeout: float = 30.0) -> Launched:
        """Start one instance of the app where an offer has room; returns when the launch was sent."""

        def fitting() -> Json | None:
            return next((offer for offer in self._offers if _cpus(offer) >= app["cpus"]), None)

        with self._condition:
            self._launching = True
            assert self._condition.wait_for(fitting, timeout), f"no offer has room for {app['id']}"
            offer = fitting()
            assert offer is not None
            self._offers.remove(offer)
            others, self._offers, self._launching = self._offers, [], False
        self._decline(others)
        task, ports = _task(app, offer)
        self._driver.launchTasks(offer["id"], [task])
        return Launched(task_id=task["task_id"]["value"], agent=offer["hostname"], ports=ports)

    def status(self, task: Launched) -> Json:
        """The last status of a task; empty before the first."""
        with self._condition:
            return self._states.get(task.task_id, {})

    def kill(self, task: Launched) -> None:
        """KILL, with the grace period of its kill policy."""
        self._driver.killTask({"value": task.task_id})

    def _decline(self, offers: Sequence[Json]) -> None:
        for offer in offers:
            self._driver.declineOffer(offer["id"], filters={"refuse_seconds": _REFUSE_SECONDS})

    # -- callbacks of the driver

    def resourceOffers(self, driver: object, offers: Sequence[Json]) -> None:  # noqa: N802 - pymesos' name
        """Keep them while an app is to be launched; else others need them, as with Marathon."""
        with self._condition:
            if self._launching:
                self._offers += offers
                self._condition.notify_all()
                return
        self._decline(offers)

    def offerRescinded(self, driver: object, offer_id: Json) -> None:  # noqa: N802 - pymesos' name
        """Forget it."""
        with self._condition:
            self._offers = [offer for offer in self._offers if offer["id"] != offer_id]

    def statusUpdate(self, driver: object, update: Json) -> None:  # noqa: N802 - pymesos' name
        """Note it; the driver acknowledges."""
        with self._condition:
            self._states[update["task_id"]["value"]] = update


def environment(app: Json, *, host: str, ports: Sequence[int], task_id: str) -> dict[str, str]:
    """The variables of a task: those of the definition and those that Marathon sets."""
    named = {
        f"PORT_{definition['name'].upper().replace('-', '_')}": str(port)
        for definition, port in zip(app["portDefinitions"], ports, strict=True)
    }
    numbered = {f"PORT{index}": str(port) for index, port in enumerate(ports)}
    return {
        **app["env"],
        **named,
        **numbered,
        "PORT": str(ports[0]),
        "PORTS": ",".join(map(str, ports)),
        "HOST": host,
        "MARATHON_APP_ID": app["id"],
        "MARATHON_APP_RESOURCE_CPUS": str(app["cpus"]),
        "MARATHON_APP_RESOURCE_MEM": str(app["mem"]),
        "MESOS_TASK_ID": task_id,
    }


def _task(app: Json, offer: Json) -> tuple[Json, dict[str, int]]:
    task_id = f"{app['id'].strip('/').replace('/', '_')}.{uuid.uuid4()}"
    numbers = _ports(offer, len(app["portDefinitions"]))
    names = [definition["name"] for definition in app["portDefinitions"]]
    # On DC/OS an agent's hostname is its IP; the embedded Mesos has names that nobody resolves.
    host = offer["url"]["address"]["ip"]
    variables = environment(app, host=host, ports=numbers, task_id=task_id)
    role = offer["allocation_info"]["role"]
    scalars = {name: float(app[name]) for name in ("cpus", "mem", "disk")}
    task: Json = {
        "name": ".".join(reversed(app["id"].strip("/").split("/"))),
        "task_id": {"value": task_id},
        "agent_id": offer["agent_id"],
        "resources": [
            *({"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in scalars.items()),
            {
                "name": "ports",
                "type": "RANGES",
                "ranges": {"range": [{"begin": number, "end": number} for number in numbers]},
            },
        ],
        "command": {
            "shell": True,
            "value": app["cmd"],
            "environment": {"variables": [{"name": name, "value": value} for name, value in sorted(variables.items())]},
        },
        "discovery": {
            "visibility": "FRAMEWORK",
            "name": task_id,
            "ports": {
                "ports": [
                    {"number": number, "name": name, "protocol": "tcp"}
                    for name, number in zip(names, numbers, strict=True)
                ]
            },
        },
        "kill_policy": {"grace_period": {"nanoseconds": app["taskKillGracePeriodSeconds"] * 1_000_000_000}},
        "labels": {"labels": [{"key": key, "value": value} for key, value in app["labels"].items()]},
    }
    for resource in task["resources"]:
        resource["allocation_info"] = {"role": role}
    for check in app["healthChecks"]:
        if check["protocol"] == "MESOS_HTTP":
            assert "health_check" not in task, "Marathon refuses an app with two checks that Mesos runs"
            task["health_check"] = {
                "type": "HTTP",
                "http": {"scheme": "http", "port": numbers[check["portIndex"]], "path": check["path"]},
                "delay_seconds": 0.0,
                "interval_seconds": float(check["intervalSeconds"]),
                "timeout_seconds": float(check["timeoutSeconds"]),
                "grace_period_seconds": float(check["gracePeriodSeconds"]),
                "consecutive_failures": check["maxConsecutiveFailures"],
            }
    return task, dict(zip(names, numbers, strict=True))


def _cpus(offer: Json) -> float:
    return sum((float(one["scalar"]["value"]) for one in offer["resources"] if one["name"] == "cpus"), 0.0)


def _ports(offer: Json, count: int) -> list[int]:
    offered = [
        number
        for resource in offer["resources"]
        if resource["name"] == "ports"
        for span in resource["ranges"]["range"]
        for number in range(span["begin"], span["end"] + 1)
    ]
    assert len(offered) >= count, f"the offer has the ports {offered}, {count} are needed"
    return offered[:count]
