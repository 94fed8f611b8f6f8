"""Carries requests for tasks on demand out: their agents, what they are told to be, and the answers.

Knows the link to the master; which request waits for what is in `requests`, what a task is in `on_demand`.
"""

from collections.abc import Callable

from sdk.local.core.wire import Json
from sdk.local.simulated.agent import SimulatedAgent
from sdk.local.simulated.executors import Life
from sdk.local.simulated.link import Uplink
from sdk.local.simulated.on_demand import FRAMEWORK, OnDemandFramework, agent_info
from sdk.local.simulated.requests import Change, Requests

# Its tasks run when they are told to, and for as long.
_LIFE = Life(start=None)

Add = Callable[[str, Json, Life], None]
"""Name, AgentInfo and the life of its tasks: the agent is there from now on."""
Act = Callable[[str, Callable[[SimulatedAgent, float], list[Json]]], None]
"""Id of an agent, and what is done with it."""


class Demand:
    """All that is asked for. Its framework subscribes with the first request."""

    def __init__(self, master: Uplink, seed: int, add: Add, act: Act) -> None:
        self._master = master
        self._requests = Requests(OnDemandFramework(seed))
        self._add = add
        self._act = act
        self._subscribed = False

    def ask(self, request: str, content: Json | None) -> None:
        """Carry a request out; without content it is given up."""
        framework = self._requests.framework
        if content is None:
            self._requests.forget(request)
            return
        if not self._subscribed:
            self._subscribed = True
            self._master.framework(FRAMEWORK, framework.subscription())
        todo = self._requests.ask(request, content)
        for address in todo.addresses:
            self._add(f"on-demand-agent-{address}", agent_info(address), _LIFE)
        for change in todo.changes:
            self._change(framework.framework_id or "", change)
        self._master.done(request)
        if todo.answer is not None:
            self._master.answered(request, todo.answer)
        for call in framework.launches():
            self._master.framework(FRAMEWORK, call)

    def event(self, event: Json) -> None:
        """One event of the master to the framework."""
        for call in self._requests.framework.event(event):
            self._master.framework(FRAMEWORK, call)
        for request, answer in self._requests.heard(event):
            self._master.answered(request, answer)

    def _change(self, framework_id: str, change: Change) -> None:
        self._act(change.agent_id, lambda agent, now: agent.become(framework_id, change.task_id, change.state, now))
