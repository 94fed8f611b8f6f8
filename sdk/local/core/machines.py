"""Machines under maintenance: the schedule, what mode each machine is in, and what frameworks answered about it.

Records and look-ups; what operators and frameworks may change stands in `maintenance`.
"""

from dataclasses import dataclass, field

from sdk.local.core.wire import Json

MachineKey = tuple[str, str]
"""Host name in lower case and IP address; what was not said is empty, and then matches no agent."""


def machine_key(machine: Json) -> MachineKey:
    """What a MachineID, or an AgentInfo, is compared by."""
    return str(machine.get("hostname", "")).lower(), str(machine.get("ip", ""))


@dataclass(slots=True, kw_only=True)
class Machine:
    """A machine in the schedule."""

    machine_id: Json
    unavailability: Json
    down: bool = False
    """Else it is draining."""


@dataclass(slots=True, kw_only=True)
class InverseOffer:
    """The question to one framework whether one agent may become unavailable."""

    offer_id: str
    framework_id: str
    agent_id: str


@dataclass(slots=True, kw_only=True)
class Draining:
    """One agent on a scheduled machine, until its schedule changes."""

    outstanding: dict[str, InverseOffer] = field(default_factory=dict)
    """By framework."""
    statuses: dict[str, Json] = field(default_factory=dict)
    """The last answer of each framework."""
    refused: dict[str, float] = field(default_factory=dict)
    """Until when a framework does not want to be asked again."""


@dataclass(slots=True, kw_only=True)
class Maintenance:
    """The schedule and all that hangs on it."""

    windows: list[Json] = field(default_factory=list)
    machines: dict[MachineKey, Machine] = field(default_factory=dict)
    draining: dict[str, Draining] = field(default_factory=dict)
    """By agent."""
    inverse_offers: dict[str, InverseOffer] = field(default_factory=dict)

    @classmethod
    def of(cls, registry: Json) -> "Maintenance":
        """What a registry keeps; answers of frameworks are asked for again."""
        windows = list(registry.get("windows", []))
        down = {machine_key(machine) for machine in registry.get("down", [])}
        return cls(
            windows=windows,
            machines={
                machine_key(machine): Machine(
                    machine_id=machine,
                    unavailability=window["unavailability"],
                    down=machine_key(machine) in down,
                )
                for window in windows
                for machine in window["machine_ids"]
            },
        )

    def registry(self) -> Json:
        """What must outlive this master."""
        return {"windows": self.windows, "down": [item.machine_id for item in self.machines.values() if item.down]}

    def unavailability(self, key: MachineKey) -> Json | None:
        """When the machine is going to be unavailable, if that is planned."""
        machine = self.machines.get(key)
        return machine.unavailability if machine is not None and not machine.down else None

    def is_down(self, key: MachineKey) -> bool:
        """Whether agents of that machine are refused."""
        machine = self.machines.get(key)
        return machine is not None and machine.down
