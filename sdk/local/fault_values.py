"""The faults of an agent and of a master as values: their names, what each may be, and what the next message meets.

Pure: who asks these values carries out what they say. A count says how many of the next messages are hit; -1 means all
until told otherwise.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sdk.local.core.wire import Json

MAX_SECONDS = 3600
MAX_COUNT = 1_000_000


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _number(value) and isinstance(value, int) and -1 <= value <= MAX_COUNT


def _is_seconds(value: Any) -> bool:
    return _number(value) and 0 <= value <= MAX_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What a fault may be, as a sentence and as a test."""

    text: str
    allows: Callable[[Any], bool]


_SWITCH = _Rule(text="true or false", allows=lambda value: isinstance(value, bool))
_COUNT = _Rule(text=f"how many of the next ones, up to {MAX_COUNT}, or -1 for all", allows=_is_count)
_SECONDS = _Rule(text=f"seconds from 0 to {MAX_SECONDS}", allows=_is_seconds)
_ID = _Rule(text="the id of a framework, or empty for all", allows=lambda value: isinstance(value, str))


def _fault(default: Any, rule: _Rule) -> Any:
    return dataclasses.field(default=default, metadata={"rule": rule})


class Faults:
    """What a set of faults has in common: being read, changed and healed."""

    __slots__ = ()

    def json(self) -> Json:
        """All values by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def active(self) -> Json:
        """Those that are not as they are without faults."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if getattr(self, field.name) != field.default
        }

    def change(self, wanted: Any) -> frozenset[str]:
        """Take new settings and return their names; ValueError says what is wrong, and nothing is changed then.

        What is not named stays.
        """
        if not isinstance(wanted, dict):
            raise ValueError(f"faults are a JSON object that names some of: {', '.join(self.json())}")
        rules = {field.name: field.metadata["rule"] for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        for name, value in wanted.items():
            if name not in rules:
                raise ValueError(f"there is no fault '{name:.100}'; known are {', '.join(rules)}")
            if not rules[name].allows(value):
                raise ValueError(f"{name}: {repr(value)[:100]} is not possible, it is {rules[name].text}")
        for name, value in wanted.items():
            setattr(self, name, value)
        return frozenset(wanted)

    def clear(self) -> frozenset[str]:
        """Heal everything; the names of all faults."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            setattr(self, field.name, field.default)
        return frozenset(self.json())

    def _hit(self, name: str) -> bool:
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0


@dataclass(slots=True, kw_only=True)
class AgentFaults(Faults):
    """What goes wrong with an agent from now on."""

    partition: bool = _fault(False, _SWITCH)
    """Nothing reaches the master and nothing of the master arrives; the end of it makes the agent register again."""
    drop_updates: int = _fault(0, _COUNT)
    """So many status updates are lost on their way to the master; the agent sends them again after 10 s."""
    delay_updates: float = _fault(0, _SECONDS)
    """Status updates are so many seconds late; their order stays."""
    lose_launches: int = _fault(0, _COUNT)
    """So many launches of the master never arrive."""
    fail_operations: int = _fault(0, _COUNT)
    """So many operations (RESERVE and its kin) end OPERATION_FAILED, and the resources stay as they are."""
    cut_streams: int = _fault(0, _COUNT)
    """So many events to executors are cut in the middle of their record, and the stream with them."""

    def to_master(self, message: Json) -> bool:
        """Whether a message to the master gets on its way."""
        return not self.partition and not (message["type"] == "UPDATE" and self._hit("drop_updates"))

    def from_master(self, message: Json) -> Json | None:
        """The message of the master as it arrives; None when it does not."""
        if self.partition:
            return None
        match message.get("type"):
            case "RUN_TASK" | "RUN_TASK_GROUP" if self._hit("lose_launches"):
                return None
            case "APPLY_OPERATION" if self._hit("fail_operations"):
                return message | {"failure": "The operation failed on demand (fail_operations of this agent)"}
            case _:
                return message

    def cuts(self) -> bool:
        """Whether the next event to an executor is cut."""
        return self._hit("cut_streams")


@dataclass(slots=True, kw_only=True)
class MasterFaults(Faults):
    """What goes wrong with a master from now on."""

    slow: float = _fault(0, _SECONDS)
    """Every answer and every event comes so many seconds late; messages to agents, pings among them, do not."""
    silent: float = _fault(0, _SECONDS)
    """For so long connections are accepted and nothing is answered or sent, to agents neither."""
    cut_schedulers: int = _fault(0, _COUNT)
    """So many events to schedulers are cut in the middle of their record, and the connection with them."""
    cut_operators: int = _fault(0, _COUNT)
    """The same for operator streams."""
    cut_agents: int = _fault(0, _COUNT)
    """The same for messages to agents."""
    drop_updates: int = _fault(0, _COUNT)
    """So many UPDATE events to schedulers are lost; what nobody acknowledges, its agent sends again after 10 s."""
    drop_rescinds: int = _fault(0, _COUNT)
    """So many RESCIND events to schedulers are lost; the offers are gone all the same."""
    framework_id: str = _fault("", _ID)
    """When set, cut_schedulers, drop_updates and drop_rescinds are only for this framework."""

    def cuts_scheduler(self, framework_id: str | None) -> bool:
        """Whether the next event to the scheduler of that framework is cut."""
        return self._meant(framework_id) and self._hit("cut_schedulers")

    def cuts_operator(self) -> bool:
        """Whether the next event to an operator is cut."""
        return self._hit("cut_operators")

    def cuts_agent(self) -> bool:
        """Whether the next message to an agent is cut."""
        return self._hit("cut_agents")

    def drops(self, event: Json, framework_id: str | None) -> bool:
        """Whether an event to the scheduler of that framework is lost."""
        name = {"UPDATE": "drop_updates", "RESCIND": "drop_rescinds"}.get(event["type"])
        return name is not None and self._meant(framework_id) and self._hit(name)

    def _meant(self, framework_id: str | None) -> bool:
        return self.framework_id in ("", framework_id)
