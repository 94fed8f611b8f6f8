"""The running instances that have, had or want secrets, and what each was told.

An instance is known by its executor and the agent that it was launched on, which is what Mesos says of a sender.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pool_executor.contract.secrets import SecretsQuestion
from scheduler.secret_delivery.answers import Wanted
from sdk.model.ids import AgentId, ExecutorId
from sdk.model.records import TaskRecord
from sdk.model.status import TaskState
from sdk.plugin import Host
from sdk.retry import Backoff, Policy

if TYPE_CHECKING:  # TLS is for frameworks whose pools have secrets
    from sdk.mesos.conversation import Conversation

_LIVES = frozenset({TaskState.STARTING, TaskState.RUNNING})
_ASK = Policy(first=2.0, most=60.0)


class Executor(NamedTuple):
    """Who an instance is to Mesos."""

    agent_id: AgentId
    executor_id: ExecutorId


@dataclass(slots=True)
class Talk:
    """A conversation, and until when it may last (monotonic)."""

    conversation: "Conversation"
    until: float
    question: SecretsQuestion | None = None
    """Asked, and not answered yet, as the store has not been asked for everything."""


@dataclass(slots=True)
class Instance:
    """One of a pool."""

    pool: str
    told: str | None = None
    """The state of the pool's secrets when it asked last."""
    talk: Talk | None = None
    ask_due: float = 0.0
    """When it is to be told, again, that it should ask (monotonic)."""
    again: Backoff = field(default_factory=_ASK.backoff)

    def answered(self, told: str) -> None:
        """It asked, and was told everything."""
        self.talk, self.told, self.ask_due = None, told, 0.0
        self.again.reset()


class Instances:
    """Of one framework. Used by one thread."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known: dict[Executor, Instance] = {}

    def __iter__(self) -> Iterator[tuple[Executor, Instance]]:
        return iter(list(self._known.items()))

    def clear(self) -> None:
        """Another process is in charge of them."""
        self._known = {}

    def look(self, pools: Mapping[str, Wanted]) -> None:
        """Know those of pools that want something, or of which one was told something, and no others."""
        had = {one.pool for one in self._known.values() if one.told is not None}
        self._known = {
            executor: self._known.get(executor) or Instance(pool)
            for pool in sorted(pools)
            if pools[pool].files or pools[pool].certified or pool in had
            for executor in self._executors(pool)
        }

    def find(self, executor: Executor, pools: Mapping[str, Wanted]) -> Instance | None:
        """Who that is; None when it is none of a running task of ours.

        It may have been launched just now, or its pool has no secrets any more.
        """
        if executor not in self._known:
            pool = next((pool for pool in sorted(pools) if executor in self._executors(pool)), None)
            if pool is None:
                return None
            self._known[executor] = Instance(pool)
        return self._known[executor]

    def names(self, executor: Executor, pool: str) -> tuple[str, ...]:
        """What an instance may be called by clients: its pool, its agent's host name, its addresses. As Mesos says."""
        return (
            pool,
            *(
                name
                for task in self._tasks(pool)
                if _executor(task) == executor
                for name in (task.hostname, *(task.status.addresses or filter(None, (task.address,))))
            ),
        )

    def _executors(self, pool: str) -> list[Executor]:
        return [_executor(task) for task in self._tasks(pool)]

    def _tasks(self, pool: str) -> Iterator[TaskRecord]:
        return (task for record in self._host.records(pool) for task in record.tasks if task.status.state in _LIVES)


def _executor(task: TaskRecord) -> Executor:
    return Executor(task.agent_id, task.executor_id or ExecutorId(task.task_id))
