"""Where the instances of a pod may run, and where best: rules as values. What they mean is in `sdk.offer.rules`.

A rule looks at one agent, as its offer tells of it, and at where instances are. A field is `hostname` or `@hostname`,
`@agent` (the agent's id), `@region`, `@zone`, or the name of an agent attribute. An agent that lacks the field breaks
every rule about it, unless the rule says otherwise; `Has` asks for the field alone.

In JSON a rule is an object with its `kind`: `{"kind": "max_per", "field": "rack", "count": 2}`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

ANY_SERVICE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """Which instances a rule looks at: without any field, those of the pod that has the rule."""

    service: str | None = None
    """Of which service: `*` for any, None for the pod's own."""
    pod: str | None = None
    """Of which pod of it; None for every one."""
    task: str | None = None
    """With a task of this name; None for all."""

    @property
    def own(self) -> bool:
        """Whether they are those of the pod itself."""
        return self == OWN


OWN = Instances()


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Every one of the rules is kept."""

    KIND: ClassVar[str] = "all"
    rules: tuple["Rule", ...]
    """At least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """At least one of the rules is kept."""

    KIND: ClassVar[str] = "any"
    rules: tuple["Rule", ...]
    """At least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The rule is broken."""

    KIND: ClassVar[str] = "not"
    rule: "Rule"
    """Any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Has:
    """The agent has the field."""

    KIND: ClassVar[str] = "has"
    field: str
    """Which one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Is:
    """The field has one of these values."""

    KIND: ClassVar[str] = "is"
    field: str
    """Which one."""
    values: tuple[str, ...]
    """At least one. Attributes that are scalars are compared without trailing zeros, ranges as `[1-2,5-6]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """The whole value of the field matches a regular expression."""

    KIND: ClassVar[str] = "like"
    field: str
    """Which one."""
    pattern: str
    """In RE2's dialect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPer:
    """On all agents with the same value of the field there are at most so many instances, with the new one."""

    KIND: ClassVar[str] = "max_per"
    field: str
    """Which one."""
    count: int
    """At most so many."""
    of: Instances = OWN
    """Which instances are counted."""
    lenient: bool = False
    """Whether an agent without the field takes any number of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRobin:
    """No other value of the field has fewer instances of the pod: they go to all values by turns."""

    KIND: ClassVar[str] = "round_robin"
    field: str
    """Which one."""
    values: int = 0
    """How many values there are; 0 when that is not known: then those count at which an instance is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """All instances of the pod are at one value of the field."""

    KIND: ClassVar[str] = "together"
    field: str
    """Which one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """At least one of some instances is at the same value of the field: the new one goes where they are."""

    KIND: ClassVar[str] = "near"
    to: Instances
    """Which instances. The first of a pod that has to be near its own is free to go anywhere."""
    field: str = "@hostname"
    """What is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """None of some instances is at the same value of the field."""

    KIND: ClassVar[str] = "away"
    of: Instances
    """Which instances."""
    field: str = "@hostname"
    """What is not the same."""


Rule = All | AnyOf | Not | Has | Is | Like | MaxPer | RoundRobin | Together | Near | Away


class PreferenceKind(StrEnum):
    """SPREAD: where the fewest instances of the pod are. PACK: where the least is left, so that whole agents stay free
    for what is large.
    """

    SPREAD = "spread"
    PACK = "pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Which of the agents that rules allow is taken. It forbids nothing."""

    kind: PreferenceKind
    """What is better."""
    field: str = "@hostname"
    """For SPREAD: at the same value of which field instances are counted; agents without it come last."""
