"""One simulated agent: the ordinary agent without I/O, with executors that are records. Pure.

Messages of the master and time go in, messages for the master come out; both are those of `core.agent` and
`core.master`. It keeps nothing: an agent that is made again is a new one. Its own HTTP endpoints are not served.
"""

from collections.abc import Callable

from sdk.local.core.agent import Agent
from sdk.local.core.agent_model import AgentConfig
from sdk.local.core.wire import Json
from sdk.local.simulated.executors import Executors, Life


class SimulatedAgent:
    """An agent and what runs on it."""

    def __init__(
        self, info: Json, life: Life, new_uuid: Callable[[], str], new_id: Callable[[], str], *, now: float
    ) -> None:
        # Nobody asks a simulated agent for what it completed, and what the master says comes straight from it.
        config = AgentConfig(
            info=info, new_uuid=new_uuid, new_container_id=new_id, max_completed=1, keeps=False, trusting=True
        )
        self.agent = Agent(config, now=now)
        self._executors = Executors(self.agent, life, new_uuid, new_id)

    @property
    def ended(self) -> bool:
        """Whether the master ended it for good."""
        return self._executors.ended

    def registration(self) -> Json:
        """The first message on a connection."""
        return self.agent.registration()

    def receive(self, message: Json, now: float) -> list[Json]:
        """One message of the master."""
        return self._executors.messages(self.agent.master_message(message, now=now), now)

    def become(self, framework_id: str, task_id: str, state: str, now: float) -> list[Json]:
        """A task gets into that state by itself; nothing when it does not run."""
        return self._executors.become(framework_id, task_id, state, now)

    def check(self, framework_id: str, task_id: str, now: float) -> list[Json]:
        """The health of a task changes; nothing when it does not run or is not checked."""
        return self._executors.check(framework_id, task_id, now)

    def next_step(self) -> float | None:
        """When a task does its next step by itself: `step` then."""
        return self._executors.next_due()

    def step(self, now: float) -> list[Json]:
        """Steps of tasks that are due."""
        return self._executors.tick(now)

    def retry(self, now: float) -> list[Json]:
        """Updates that were not acknowledged in time are sent again. Walks all tasks: call it every few seconds."""
        return self._executors.messages(self.agent.tick(now=now), now)
