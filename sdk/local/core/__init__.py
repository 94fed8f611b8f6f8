"""The embedded Mesos without I/O: a master (`Master`) and an agent (`Agent`) as pure models, run by the HTTP servers of
`sdk.local` and, in process under a manual clock, by `sdk.testing`.

Nothing here reads a clock, makes a random number, opens a file or a socket. The conversations of a real Mesos 1.12 are
the measure.
"""

from sdk.local.core.agent import Agent
from sdk.local.core.agent_model import (
    AgentConfig,
    AgentOutput,
    Checkpoint,
    CloseExecutor,
    Destroy,
    Launch,
    Terminate,
    ToExecutor,
    ToMaster,
)
from sdk.local.core.master import Master
from sdk.local.core.model import MasterConfig
from sdk.local.core.outputs import (
    Answer,
    CloseAgent,
    CloseOperator,
    CloseScheduler,
    Note,
    Output,
    Persist,
    ToAgent,
    ToOperator,
    ToScheduler,
)

__all__ = [
    "Agent",
    "AgentConfig",
    "AgentOutput",
    "Answer",
    "Checkpoint",
    "CloseAgent",
    "CloseExecutor",
    "CloseOperator",
    "CloseScheduler",
    "Destroy",
    "Launch",
    "Master",
    "MasterConfig",
    "Note",
    "Output",
    "Persist",
    "Terminate",
    "ToAgent",
    "ToExecutor",
    "ToMaster",
    "ToOperator",
    "ToScheduler",
]
