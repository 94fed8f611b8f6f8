"""The Mesos custom executor of one pool instance: a task in, an lbmgr with its HAProxy run, statuses out.

Knows Mesos' task states and pymesos' callbacks. Does not know how HAProxy is configured.
"""

# ruff: noqa: N802 - pymesos' names

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from pool_executor import variables
from pool_executor.archive import unpack
from pool_executor.contract import InstanceStatus
from pool_executor.lbmgr.agent import Agent, End
from pool_executor.lbmgr.connection import Connection
from pool_executor.lbmgr.haproxy import program
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory
from pool_executor.lbmgr.settings import Settings
from pool_executor.secret_fetcher import SecretFetcher
from pool_executor.task import Assignment, parse
from sdk.errors import CorruptRecord, EnvironmentProblem
from sdk.mesos.executor_callbacks import Executor

_log = structlog.get_logger()

_MAX_MESSAGE = 500
# The agent kills what is left when the shutdown grace period is over: be gone before.
_SHUTDOWN_MARGIN = 1.0


class Driver(Protocol):
    """What this executor uses of `sdk.mesos.executor.ExecutorDriver`."""

    grace_shutdown_period: float

    def sendStatusUpdate(self, status: Mapping[str, Any]) -> None:
        """Keep and send an update."""

    def sendFrameworkMessage(self, data: str) -> None:
        """Say something to the scheduler, in base64; raises SdkError when it did not go."""

    def stop(self) -> None:
        """End the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where this executor runs."""

    sandbox: Path
    addresses: tuple[str, ...]
    haproxy: str | None = None
    """Its executable; None: the one that `lbmgr.program` finds."""


class PoolExecutor(Executor):
    """Runs one task and ends with it. Callbacks come from one thread, statuses of lbmgr from another."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._hostname = ""
        self._tells_killing = False
        self._assignment: Assignment | None = None
        self._agent: Agent | None = None
        self._secrets: SecretFetcher | None = None
        self._thread: threading.Thread | None = None
        self._leaving: str | None = None
        """Why the instance leaves, once somebody asked for it."""
        self._killed = False
        self._order = threading.Lock()
        """Held from the decision to tell something until it is told: no RUNNING may follow KILLING."""
        self._told: tuple[object, ...] | None = None

    # -- callbacks

    def registered(
        self, driver: Driver, executor_info: Any, framework_info: Mapping[str, Any], agent_info: Mapping[str, Any]
    ) -> None:
        """Note where we are and what the framework understands."""
        del driver, executor_info
        self._hostname = str(agent_info.get("hostname", ""))
        capabilities = {each.get("type") for each in framework_info.get("capabilities", ())}
        self._tells_killing = "TASK_KILLING_STATE" in capabilities

    def reregistered(self, driver: Driver, agent_info: Mapping[str, Any]) -> None:
        """The agent restarted; unacknowledged updates were handed over with the subscription."""
        del driver, agent_info
        _log.info("The agent is back")

    def disconnected(self, driver: Driver) -> None:
        """Serving does not need the agent."""
        del driver

    def launchTask(self, driver: Driver, task: Mapping[str, Any]) -> None:
        """Start the instance, or fail the task with the sentence that says what is missing."""
        task_id = str(task["task_id"]["value"])
        if self._assignment is not None:
            # Its own executor per task is what the scheduler asks for; two would fight for the ports.
            self._tell(driver, task_id, "TASK_FAILED", f"this executor runs {self._assignment.task_id} already")
            return
        try:
            assignment = parse(task)
            haproxy = self._haproxy(assignment)
            sockets = SocketDirectory()
            agent = self._agent_for(driver, assignment, sockets, haproxy)
        except (CorruptRecord, EnvironmentProblem, OSError) as error:
            self._give_up(driver, task_id, str(error))
            return
        except Exception as error:  # noqa: BLE001 - a task that nobody answers for would be starting for ever
            _log.exception("The task could not be started", task_id=task_id)
            self._give_up(driver, task_id, f"the executor failed to start: {type(error).__name__}: {error}")
            return
        self._assignment, self._agent = assignment, agent
        variables.fill(agent.material, assignment.environment)
        self._secrets = SecretFetcher(driver.sendFrameworkMessage, agent.material, agent.own_certificate)
        self._tell(driver, task_id, "TASK_STARTING", f"starting HAProxy {haproxy.version} for pool {assignment.pool}")
        self._thread = threading.Thread(target=self._run, args=(driver, agent, sockets), name="lbmgr")
        self._thread.start()

    def _give_up(self, driver: Driver, task_id: str, message: str) -> None:
        self._tell(driver, task_id, "TASK_FAILED", message)
        driver.stop()

    def _haproxy(self, assignment: Assignment) -> program.Program:
        """The one that came with the task, else the agent's."""
        served = assignment.haproxy
        if served is None:
            return program.find(self._host.haproxy)
        directory = self._host.sandbox / "haproxy"
        unpack(self._host.sandbox / served.archive, served.sha256, directory)
        return program.find(str(directory / "haproxy"))

    def _agent_for(
        self, driver: Driver, assignment: Assignment, sockets: SocketDirectory, haproxy: program.Program
    ) -> Agent:
        return Agent(
            Settings(
                task_id=assignment.task_id,
                pod=assignment.pod,
                pool=assignment.pool,
                hostname=self._hostname,
                addresses=self._host.addresses,
                ports=assignment.ports,
                binds=assignment.binds,
                health=assignment.health,
                limits=assignment.limits,
                environment=variables.for_haproxy(assignment.environment),
                resources=assignment.resources,
                sandbox=self._host.sandbox,
                sockets=sockets.path,
            ),
            binary=haproxy.path,
            version=haproxy.version,
            on_status=lambda status: self._on_status(driver, status),
        )

    def kill(self, driver: Driver, task_id: Mapping[str, Any], grace: float | None) -> None:
        """Drain within the grace period of the KILL, else of the task."""
        assignment = self._assignment
        if assignment is None or task_id["value"] != assignment.task_id:
            self._tell(driver, str(task_id["value"]), "TASK_KILLED", "the task was not running")
            return
        grace = assignment.kill_grace if grace is None else grace
        self._killed = True
        with self._order:
            if self._tells_killing and self._leaving is None:
                self._tell(
                    driver, assignment.task_id, "TASK_KILLING", f"draining: connections may finish within {grace:g} s"
                )
            self._leave("drained", grace)

    def shutdown(self, driver: Driver) -> None:
        """The agent ends this executor; returns when the instance is gone."""
        thread, assignment = self._thread, self._assignment
        if thread is None or assignment is None:
            return
        self._killed = True
        grace = max(0.0, min(assignment.kill_grace, driver.grace_shutdown_period - _SHUTDOWN_MARGIN))
        self._leave("the agent shut the executor down", grace)
        thread.join()

    def frameworkMessage(self, driver: Driver, message: str) -> None:
        """The scheduler has something to say about secrets."""
        del driver
        if self._secrets is not None:
            self._secrets.heard(message)

    # -- from the process

    def terminate(self, why: str) -> None:
        """Drain because the process was asked to end, not the task."""
        grace = self._assignment.kill_grace if self._assignment is not None else 0.0
        self._leave(why, grace)

    def join(self) -> None:
        """Wait until the instance is gone; it is ended at once when the driver is gone already."""
        if self._agent is not None and self._thread is not None:
            self._agent.stop()
            self._thread.join()

    @property
    def idle(self) -> bool:
        """Whether no task was launched."""
        return self._thread is None

    # -- lbmgr's thread

    def _run(self, driver: Driver, agent: Agent, sockets: SocketDirectory) -> None:
        assignment = self._assignment
        assert assignment is not None
        state, message = "TASK_FAILED", "lbmgr failed"
        connection = Connection(
            agent,
            hosts=assignment.zk,
            root=assignment.zk_root,
            pool=assignment.pool,
            task_id=assignment.task_id,
        )
        connection.open()
        try:
            end = agent.run()
            if end is End.UNHEALTHY:
                message = agent.trouble or "unhealthy"
            elif connection.failure is not None:
                message = connection.failure
            else:
                state = "TASK_KILLED" if self._killed else "TASK_FAILED"
                message = self._leaving or "stopped"
        except Exception as error:  # noqa: BLE001 - whatever it was, Mesos must hear of the end of the task
            _log.exception("lbmgr failed")
            message = f"lbmgr failed: {type(error).__name__}: {error}"
        finally:
            # The status in ZooKeeper goes before Mesos is told, so that nobody sees an instance whose task has ended.
            connection.close()
            if self._secrets is not None:
                self._secrets.stop()
            sockets.close()
            self._tell(driver, assignment.task_id, state, message, healthy=False)
            # The agent ends an executor whose tasks are over only when it goes by itself.
            driver.stop()

    def _on_status(self, driver: Driver, status: InstanceStatus) -> None:
        """Tell Mesos what changed for an operator: health, verdict, trouble; not every version."""
        news = (status.healthy, status.structure.verdict, _error(status))
        if news == self._told:
            return
        reason = None
        if self._told is not None and self._told[0] != status.healthy:
            reason = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
        self._told = news
        with self._order:
            if self._leaving is None:
                self._tell(
                    driver, status.task_id, "TASK_RUNNING", _sentence(status), healthy=status.healthy, reason=reason
                )

    # -- statuses

    def _leave(self, why: str, grace: float) -> None:
        self._leaving = self._leaving or why
        if self._agent is not None:
            self._agent.drain(grace)

    def _tell(
        self,
        driver: Driver,
        task_id: str,
        state: str,
        message: str,
        healthy: bool | None = None,
        reason: str | None = None,
    ) -> None:
        status: dict[str, Any] = {"task_id": {"value": task_id}, "state": state, "message": message[:_MAX_MESSAGE]}
        if healthy is not None:
            status["healthy"] = healthy
        if reason is not None:
            status["reason"] = reason
        _log.info(f"{state}: {message}", task_id=task_id, healthy=healthy)
        driver.sendStatusUpdate(status)


def _error(status: InstanceStatus) -> str | None:
    return status.trouble or status.structure.error or status.endpoints.error


def _sentence(status: InstanceStatus) -> str:
    structure, error = status.structure, _error(status)
    if error is not None:
        serving = f"; serving version {structure.version}" if structure.version else ""
        return f"{error}{serving}"
    if structure.verdict == "applied":
        return f"serving version {structure.version}: {structure.reason}"
    return structure.reason
