"""What simulated agents have and what simulated tasks look like: names, labels, ports, discovery, health checks, as an
application on Marathon has them.

Pure, and the same for the same seed. Knows the shapes of TaskInfo and AgentInfo; does not know who launches what where.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sdk.local.core.wire import Json

ROLE = "simulated"
"""Role of the simulated frameworks: what agents keep for them is reserved for it."""
_CPUS, _MEM, _DISK = 0.1, 64.0, 16.0
_EXECUTOR_CPUS, _EXECUTOR_MEM, _EXECUTOR_DISK = 0.01, 32.0, 1.0
"""The least that Mesos accepts."""
_FIRST_PORT = 10_000
_SPARE = 8
"""Room for that many more tasks on every agent, so that a replacement need not wait for the one before it."""
SERVICES = 400
"""Names that the tasks of a framework share, when nothing else is said."""
_OWN_PORTS = {"begin": 2000, "end": 9999}

Kind = Literal["command", "custom", "group"]


def new_uuid(seed: int, number: int) -> str:
    """Base64 of 16 bytes that look random and are not."""
    return base64.b64encode(_bytes(seed, number)).decode()


def container_id(seed: int, number: int) -> str:
    """The text of a UUID."""
    text = _bytes(seed, number).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _bytes(seed: int, number: int) -> bytes:
    return hashlib.blake2b(b"%d/%d" % (seed, number), digest_size=16).digest()


def choose(seed: int, number: int, among: int) -> int:
    """A number below `among`, the same for the same seed and number."""
    return int.from_bytes(_bytes(seed, number)[:8], "big") % among


def _scalar(name: str, value: float, role: str | None = None) -> Json:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}} | _reserved(role)


def _ports(begin: int, end: int, role: str | None = None) -> Json:
    return {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": begin, "end": end}]}} | _reserved(role)


def _reserved(role: str | None) -> Json:
    return {"reservations": [{"type": "STATIC", "role": role}]} if role else {}


def agent_info(number: int, tasks: int) -> Json:
    """AgentInfo of the agent `number` with room for `tasks` simulated tasks, and as much for others.

    Its address is one of the loopback network, where nothing listens: what tries to reach its tasks is refused at once
    and no packet leaves the machine.
    """
    address = f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"
    room = tasks + _SPARE
    return {
        "hostname": address,
        "ip": address,
        "port": 5051,
        "resources": [
            # As if every task had an executor.
            _scalar("cpus", round(room * (_CPUS + _EXECUTOR_CPUS), 3), ROLE),
            _scalar("mem", room * (_MEM + _EXECUTOR_MEM), ROLE),
            _scalar("disk", room * (_DISK + _EXECUTOR_DISK), ROLE),
            _ports(_FIRST_PORT, _FIRST_PORT + 2 * room, ROLE),
            _scalar("cpus", 16.0),
            _scalar("mem", 65536.0),
            _scalar("disk", 200_000.0),
            _ports(_OWN_PORTS["begin"], _OWN_PORTS["end"]),
        ],
        "attributes": [
            {"name": "rack", "type": "TEXT", "text": {"value": f"rack-{number % 20}"}},
            {"name": "zone", "type": "TEXT", "text": {"value": f"zone-{number % 3}"}},
        ],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A kind of simulated framework."""

    name: str
    kind: Kind
    share: int
    """Of a hundred tasks."""


PROFILES = (
    Profile(name="simulated-marathon", kind="command", share=80),
    Profile(name="simulated-store", kind="custom", share=10),
    Profile(name="simulated-pods", kind="group", share=10),
)


def framework_info(profile: Profile) -> Json:
    """FrameworkInfo."""
    names = ("MULTI_ROLE", "RESERVATION_REFINEMENT", "PARTITION_AWARE", "TASK_KILLING_STATE")
    return {
        "user": "nobody",
        "name": profile.name,
        "failover_timeout": 604800.0,
        "checkpoint": True,
        "roles": [ROLE],
        "principal": profile.name,
        "capabilities": [{"type": name} for name in names],
    }


def group_size(profile: Profile) -> int:
    """How many tasks are launched together."""
    return 2 if profile.kind == "group" else 1


def shares(tasks: int) -> list[tuple[Profile, int]]:
    """How many of so many tasks each framework has: whole groups, and what is left over is the first one's."""
    first, *others = PROFILES
    counts = [tasks * item.share // 100 // group_size(item) * group_size(item) for item in others]
    found = [(first, tasks - sum(counts)), *zip(others, counts, strict=True)]
    return [(profile, count) for profile, count in found if count]


class Contents:
    """Makes the TaskInfos of one framework. What tasks have in common is one object for all of them."""

    def __init__(self, profile: Profile, seed: int, services: int = SERVICES) -> None:
        self.profile = profile
        self._seed = seed
        self._services = services
        self._number = 0
        self._scalars = [
            _scalar(name, value, ROLE) for name, value in (("cpus", _CPUS), ("mem", _MEM), ("disk", _DISK))
        ]
        shares = (("cpus", _EXECUTOR_CPUS), ("mem", _EXECUTOR_MEM), ("disk", _EXECUTOR_DISK))
        self._shares = [_scalar(name, value, ROLE) for name, value in shares]
        self._labels: dict[str, Json] = {}
        self._health: Json = {
            "delay_seconds": 15.0, "interval_seconds": 10.0, "timeout_seconds": 20.0, "consecutive_failures": 3,
            "grace_period_seconds": 300.0, "type": "HTTP", "http": {"port": 8080, "path": "/health"},
        }  # fmt: skip

    def capacity(self, resources: Sequence[Json]) -> tuple[int, list[int]]:
        """How many tasks fit into an offer's resources reserved for us, and the free ports among them."""
        amounts: dict[str, float] = {}
        ports: list[int] = []
        for item in resources:
            if not item.get("reservations"):
                continue
            if item["name"] == "ports":
                for span in item["ranges"]["range"]:
                    ports.extend(range(span["begin"], span["end"] + 1))
            else:
                amounts[item["name"]] = amounts.get(item["name"], 0.0) + item["scalar"]["value"]
        room = min(
            amounts.get("cpus", 0.0) / (_CPUS + _EXECUTOR_CPUS),
            amounts.get("mem", 0.0) / (_MEM + _EXECUTOR_MEM),
            amounts.get("disk", 0.0) / (_DISK + _EXECUTOR_DISK),
        )
        return max(0, min(int(room + 1e-6), len(ports))), ports

    def operation(self, agent_id: str, ports: Sequence[int]) -> Json:
        """The operation that launches one task, or one group, with a port for each."""
        infos = [self._task(agent_id, port) for port in ports]
        if self.profile.kind != "group":
            return {"type": "LAUNCH", "launch": {"task_infos": infos}}
        return {
            "type": "LAUNCH_GROUP",
            "launch_group": {
                "executor": self._executor("DEFAULT", f"pod-{self._seed}-{self._number}"),
                "task_group": {"tasks": infos},
            },
        }

    def _executor(self, kind: str, name: str) -> Json:
        executor: Json = {"type": kind, "executor_id": {"value": name}, "resources": self._shares}
        if kind == "CUSTOM":
            executor |= {"name": "store", "source": "store", "command": {"value": "./executor", "shell": True}}
        return executor

    def _task(self, agent_id: str, port: int) -> Json:
        self._number += 1
        number = self._number
        service = number % self._services
        application, team = f"service-{service}", f"team-{service % 40}"
        # Marathon's form: the path of the app with its parts reversed, and a unique end.
        task_id = f"{team}_{application}.instance-{container_id(self._seed, number)}._app.1"
        task: Json = {
            "name": f"{application}.{team}",
            "task_id": {"value": task_id},
            "agent_id": {"value": agent_id},
            "resources": [*self._scalars, _ports(port, port, ROLE)],
            "labels": self._label(application, team),
            "discovery": {
                "visibility": "FRAMEWORK",
                "name": f"{application}.{team}",
                "ports": {
                    "ports": [
                        {"number": port, "name": "http", "protocol": "tcp",
                         "labels": {"labels": [{"key": "VIP_0", "value": f"/{application}:80"}]}}
                    ]
                },
            },
        }  # fmt: skip
        if self.profile.kind == "custom":
            task["executor"] = self._executor("CUSTOM", f"store-{agent_id}")
        else:
            task["command"] = {
                "value": f"exec ./{application} --port $PORT0",
                "environment": {
                    "variables": [
                        {"name": "PORT0", "value": str(port)},
                        {"name": "MARATHON_APP_ID", "value": f"/{team}/{application}"},
                    ]
                },
            }
            task["health_check"] = self._health
            task["kill_policy"] = {"grace_period": {"nanoseconds": 3_000_000_000}}
        return task

    def _label(self, application: str, team: str) -> Json:
        known = self._labels.get(application)
        if known is None:
            pairs = {"owner": team, "tier": "service", "exposure": "external", "application": application}
            known = {"labels": [{"key": key, "value": value} for key, value in pairs.items()]}
            self._labels[application] = known
        return known


def counter() -> Callable[[], int]:
    """1, 2, 3, ..."""
    value = 0

    def following() -> int:
        nonlocal value
        value += 1
        return value

    return following
