"""Mesos as the courier and the fetchers see it: it carries messages, stamps senders, and loses what the test says."""

import base64
import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from pool_executor.lbmgr.certificates.material import Material
from pool_executor.lbmgr.certificates.own_certificate import OwnCertificate
from pool_executor.secret_fetcher import SecretFetcher
from sdk.core.events import ExecutorMessage
from sdk.errors import NotConnected
from sdk.model.ids import AgentId, ConfigId, ExecutorId, TaskId
from sdk.model.records import PodRecord, TaskRecord
from sdk.model.status import TaskState, TaskStatus
from sdk.retry import Policy

AGENT = AgentId("agent-1")


class Mesos:
    """The host of a plugin, and the messages between it and executors; each direction in order."""

    def __init__(self) -> None:
        self.leading = True
        self.lost: Callable[[str, bytes], bool] = lambda _to, _data: False
        """Whether a message is lost: to whom (`scheduler` or an executor's id), and its data."""
        self.answer = 0.5
        """Seconds after which instances that are launched from now on begin a conversation anew."""
        self.crossed: list[bytes] = []
        self.told: Counter[str] = Counter()
        """How many messages each executor was sent."""
        self.instances: dict[str, Instance] = {}
        self._hearer: Callable[[ExecutorMessage], None] | None = None
        self._records: dict[str, list[PodRecord]] = {}
        self._way: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all instances, and itself."""
        for instance in self.instances.values():
            instance.fetcher.stop()
        self._way.put(None)
        self._thread.join()

    def launch(
        self, pool: str, task: str, directory: Path, *, agent: AgentId = AGENT, addresses: tuple[str, ...] = ()
    ) -> "Instance":
        """A running instance of a pool; `addresses` are its own, where it is on another network than its agent."""
        record = TaskRecord(
            name="server",
            task_id=TaskId(task),
            agent_id=agent,
            hostname="host",
            config=ConfigId("c"),
            status=TaskStatus(task_id=TaskId(task), state=TaskState.RUNNING, addresses=addresses),
            launched_at=0.0,
            changed_at=0.0,
            executor_id=ExecutorId(task),
            address="10.0.0.1",
        )
        self._records.setdefault(pool, []).append(PodRecord(service=pool, pod="p", index=0, tasks=(record,)))
        made = self.instances[task] = Instance(self, pool, task, directory / task, agent)
        return made

    def end(self, pool: str) -> None:
        """All tasks of a pool are over."""
        self._records[pool] = []

    # -- the host of the plugin

    def hear(self, hearer: Callable[[ExecutorMessage], None]) -> None:
        self._hearer = hearer

    def records(self, service: str) -> Sequence[PodRecord]:
        return tuple(self._records.get(service, ())) if self.leading else ()

    def tell(self, agent_id: AgentId, executor_id: ExecutorId, data: bytes) -> None:
        if not self.leading:
            raise NotConnected("there is no subscription")
        self.crossed.append(data)
        self.told[executor_id] += 1
        instance = self.instances.get(executor_id)
        if instance is not None and instance.agent == agent_id and not self.lost(executor_id, data):
            self._way.put(lambda: instance.fetcher.heard(base64.b64encode(data).decode()))

    # -- executors

    def from_executor(self, agent: AgentId, task: str, data: bytes) -> None:
        """An executor says something."""
        self.crossed.append(data)
        message = ExecutorMessage(agent_id=agent, executor_id=ExecutorId(task), data=data)
        if not self.lost("scheduler", data):
            self._way.put(lambda: self._hearer(message) if self._hearer is not None else None)

    def _carry(self) -> None:
        while (step := self._way.get()) is not None:
            step()


class Instance:
    """The side of an executor, with real files."""

    def __init__(self, mesos: Mesos, pool: str, task: str, directory: Path, agent: AgentId) -> None:
        self.agent = agent
        self.changes = 0
        self.material = Material(directory, self._changed)
        self.own = OwnCertificate(self.material, pool, ("host",))
        self.fetcher = SecretFetcher(
            lambda data: mesos.from_executor(agent, task, base64.b64decode(data)),
            self.material,
            self.own,
            answer=mesos.answer,
            again=Policy(first=0.02, most=0.1),
        )

    def has(self, file: str) -> bytes | None:
        """The content of a secret."""
        return self.material.get(f"secrets/{file}")

    def trouble(self, file: str) -> str:
        """What is wrong with it."""
        return self.material.trouble(f"secrets/{file}") or ""

    def _changed(self) -> None:
        self.changes += 1
