"""What somebody asks of the tasks on demand, from the request to its answer. Pure.

A request asks for new tasks, and is answered once all of them are TASK_STARTING; or it asks for changes, and is
answered once the framework has heard of all of them. Knows which request waits for what; what a task and its agent are
is `on_demand`'s.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sdk.local.core.wire import Json
from sdk.local.simulated.on_demand import BadRequest, NewTask, OnDemandFramework, new_states, new_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A task that gets into another state by itself."""

    agent_id: str
    task_id: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """What a request needs: agents at these addresses, then these changes. `answer` is there when it was refused."""

    addresses: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    answer: Json | None = None


@dataclass(slots=True)
class _Waiting:
    answer: Json
    left: int


@dataclass(slots=True)
class Requests:
    """All requests that are not answered yet."""

    framework: OnDemandFramework
    _waiting: dict[str, _Waiting] = field(default_factory=dict)
    _of: dict[tuple[str, str], str] = field(default_factory=dict)
    """Which request waits for a task to be in a state."""

    def ask(self, name: str, content: Json) -> Todo:
        """A request of that name."""
        try:
            if "changes" in content:
                return self._change(name, new_states(content["changes"]))
            return self._prepare(name, new_tasks(content.get("tasks")))
        except BadRequest as error:
            return Todo(answer={"refused": str(error)})

    def _prepare(self, name: str, tasks: list[NewTask]) -> Todo:
        if self.framework.problem is not None:
            raise BadRequest(f"the master refused the tasks on demand: {self.framework.problem}")
        ids = [self.framework.want(task) for task in tasks]
        self._wait(name, {"tasks": ids}, ((task_id, "TASK_STARTING") for task_id in ids))
        return Todo(addresses=tuple(dict.fromkeys(task.address for task in tasks)))

    def _change(self, name: str, states: list[tuple[str, str]]) -> Todo:
        # All of them or none.
        changes = tuple(
            Change(agent_id=self.framework.agent_of(task_id), task_id=task_id, state=state) for task_id, state in states
        )
        for task_id, state in states:
            if (task_id, state) in self._of:
                raise BadRequest(f"task {task_id} is about to be {state} already")
        self._wait(name, {}, states)
        return Todo(changes=changes)

    def _wait(self, name: str, answer: Json, states: Iterable[tuple[str, str]]) -> None:
        known = set(states)
        self._of.update(dict.fromkeys(known, name))
        self._waiting[name] = _Waiting(answer, len(known))

    def heard(self, event: Json) -> list[tuple[str, Json]]:
        """What an event to the framework answers: requests with their answers."""
        if event["type"] != "UPDATE":
            return []
        status = event["update"]["status"]
        name = self._of.pop((status["task_id"]["value"], status["state"]), None)
        if name is None or name not in self._waiting:
            return []
        waiting = self._waiting[name]
        waiting.left -= 1
        if waiting.left:
            return []
        del self._waiting[name]
        return [(name, waiting.answer)]

    def forget(self, name: str) -> None:
        """Whoever asked has gone."""
        self._waiting.pop(name, None)
        self._of = {key: owner for key, owner in self._of.items() if owner != name}
