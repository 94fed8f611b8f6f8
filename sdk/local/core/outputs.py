"""What the master asks its surroundings to do: events for streams, messages for agents, the registry to keep.

They are carried out in the order of the list: a `Persist` stands before everything that relies on it.
"""

from dataclasses import dataclass

from sdk.local.core.wire import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ToScheduler:
    """Write one event to a scheduler's stream."""

    stream: str
    event: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseScheduler:
    """End a scheduler's stream properly, after what was written to it."""

    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToOperator:
    """Write one event to an operator's stream."""

    stream: str
    event: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOperator:
    """End an operator stream properly, after what was written to it."""

    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToAgent:
    """Send one message to the agent behind a connection; `message["type"]` names it (see `core.agent`)."""

    connection: str
    message: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAgent:
    """End the connection of an agent, after what was written to it."""

    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Persist:
    """Keep this registry: the next master of this cluster starts from it."""

    registry: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Write a sentence to the master's log: who came, went or was lost."""

    text: str


Output = ToScheduler | CloseScheduler | ToOperator | CloseOperator | ToAgent | CloseAgent | Persist | Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The HTTP answer to a call and what else it causes.

    `body` is set for answers with content, else `text` is sent as plain text.
    """

    status: int
    text: str = ""
    body: Json | None = None
    outputs: tuple[Output, ...] = ()
