"""One agent's machine: what of it survives which death. Values only; `sdk.testing.cluster` lets it work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sdk.local.core import agent as agents
from sdk.local.core import agent_model
from sdk.testing.executors import PlayedExecutor

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Machine:
    """One agent's machine: the agent process, what it checkpointed, its executors, its cable."""

    name: str
    info: Json
    networks: Mapping[str, tuple[agent_model.ContainerAddress, ...]] = field(default_factory=dict)
    agent: agents.Agent | None = None
    checkpoints: dict[str, Json] = field(default_factory=dict)
    connection: str | None = None
    """Of the agent's process to the master, None when there is none."""
    cut: bool = False
    """The cable is pulled: nothing arrives on either side, nobody is told."""
    executors: dict[str, PlayedExecutor] = field(default_factory=dict)
    streams: dict[str, str] = field(default_factory=dict)
    """Executor stream to container."""
