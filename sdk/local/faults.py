"""Faults on demand, for tests of frameworks: what may go wrong in a Mesos cluster, in the words of who operates one.

    cluster = Cluster(directory, 5050, standard_agents(16000)); cluster.start()
    faults = FaultInjector(cluster)                      # or FaultInjector.at("http://127.0.0.1:5050")
    faults.partition("agent1")
    ...                                                  # TASK_UNREACHABLE, once the pings have timed out
    faults.heal("agent1")
    faults.clear()

Every method returns once the fault is in force; what it causes comes afterwards. Knows addresses and requests; the
faults themselves are in `fault_values`, and carried out by masters and agents.
"""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import urlsplit

from sdk.errors import EnvironmentProblem
from sdk.local import processes
from sdk.local.core.wire import Json
from sdk.local.fault_client import FaultError as FaultError
from sdk.local.fault_client import NoSuchMember as NoSuchMember
from sdk.local.fault_client import send

Stream = Literal["scheduler", "operator", "agent", "executor"]
STREAMS: tuple[Stream, ...] = ("scheduler", "operator", "agent", "executor")
_FAULTS = "/internal/faults"
# Of a request that masters and agents answer at once, whatever their faults are.
_TIMEOUT = 10.0
# MARK_AGENT_GONE goes through the operator API, which may have been slowed.
_PATIENCE = 120.0


class Addresses(Protocol):
    """Where masters and agents listen: `host:port` by name. A `Cluster` is one."""

    @property
    def masters(self) -> Mapping[str, str]:
        """Of all masters."""

    @property
    def agents(self) -> Mapping[str, str]:
        """Of all agents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAddresses:
    """Addresses that somebody else keeps."""

    masters: Mapping[str, str]
    agents: Mapping[str, str] = field(default_factory=dict)


class FaultInjector:
    """The faults of one cluster on this machine.

    FaultError for what is impossible, EnvironmentProblem when who is to have the fault does not answer. `credentials`
    are principal and secret, when the masters ask for some.
    """

    def __init__(self, cluster: Addresses, *, credentials: tuple[str, str] | None = None) -> None:
        self._cluster = cluster
        self._credentials = credentials

    @classmethod
    def at(cls, *masters: str, credentials: tuple[str, str] | None = None) -> "FaultInjector":
        """Of a running cluster: URLs of some of its masters. The leader tells of its agents."""
        addresses = [urlsplit(url if "//" in url else f"//{url}").netloc for url in masters]
        found = cls(KnownAddresses(masters={item: item for item in addresses}), credentials=credentials)
        for about in found._abouts().values():
            if about["leader"] is not None and about["leader"] not in addresses:
                addresses.append(about["leader"])
        found = cls(KnownAddresses(masters={item: item for item in addresses}), credentials=credentials)
        agents = {item["name"]: item["address"] for item in found._leader()[1]["agents"]}
        return cls(KnownAddresses(masters={item: item for item in addresses}, agents=agents), credentials=credentials)

    # --- agents ---------------------------------------------------------------------------------------------------

    def partition(self, agent: str) -> None:
        """Cut an agent off from the master, both ways, with all connections left open; its tasks run on.

        When its pings have timed out (`unreachable_after`), schedulers hear TASK_UNREACHABLE of its tasks.
        """
        self._set(self._agent(agent), partition=True)

    def heal(self, agent: str) -> None:
        """End all faults of an agent. One that was cut off registers again, and its tasks are running again."""
        self._request("DELETE", self._agent(agent), _FAULTS)

    def drop_updates(self, agent: str, count: int = 1) -> None:
        """Lose the next `count` status updates (-1: all) on their way to the master; they are repeated after 10 s."""
        self._set(self._agent(agent), drop_updates=count)

    def delay_updates(self, agent: str, seconds: float) -> None:
        """Let status updates of an agent be late; 0 ends it, and sends what waits."""
        self._set(self._agent(agent), delay_updates=seconds)

    def lose_launch(self, agent: str, count: int = 1) -> None:
        """Lose the next `count` launches (-1: all) on their way to an agent.

        The task stays staging until the agent registers again and does not know it: TASK_DROPPED.
        """
        self._set(self._agent(agent), lose_launches=count)

    def fail_operation(self, agent: str, count: int = 1) -> None:
        """Let the next `count` operations (-1: all) of an agent end OPERATION_FAILED; its resources stay as they are.

        Offers made meanwhile are rescinded; a task that was launched on what failed gets TASK_DROPPED.
        """
        self._set(self._agent(agent), fail_operations=count)

    def agent_gone(self, agent: str) -> str:
        """Mark an agent gone, as an operator does with a machine that never comes back; returns the agent's id.

        Its tasks are TASK_GONE_BY_OPERATOR; the agent is told to end, with all its tasks. This cannot be undone: if its
        process is started again, it is a new agent.
        """
        name, about = self._leader()
        self._agent(agent)
        known = [item for item in about["agents"] if item["name"] == agent]
        if not known:
            raise FaultError(f"the leading master knows no agent {agent}: it has not registered yet")
        call = {"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": known[-1]["id"]}}}
        self._request("POST", (name, self._cluster.masters[name]), "/api/v1", call, timeout=_PATIENCE)
        return str(known[-1]["id"])

    # --- masters --------------------------------------------------------------------------------------------------

    def slow_master(self, seconds: float) -> None:
        """Let every answer and every event of the leading master be late by so much, in order; 0 ends it.

        Its messages to agents, pings among them, are not: a slow master loses no agents.
        """
        self._set(self._leading(), slow=seconds)

    def silence_master(self, seconds: float) -> None:
        """Let the leading master accept connections and say nothing for so long, to agents neither; 0 ends it."""
        self._set(self._leading(), silent=seconds)

    def drop_events(
        self, kind: Literal["UPDATE", "RESCIND"], count: int = 1, *, framework_id: str | None = None
    ) -> None:
        """Lose the next `count` events (-1: all) of that type to schedulers, or to that of one framework."""
        names = {"UPDATE": "drop_updates", "RESCIND": "drop_rescinds"}
        if kind not in names:
            raise FaultError(f"events that can be lost are {' and '.join(names)}, not {kind!r}")
        self._set(self._leading(), framework_id=framework_id or "", **{names[kind]: count})

    def cut_stream(
        self, stream: Stream, count: int = 1, *, agent: str | None = None, framework_id: str | None = None
    ) -> None:
        """Cut the next `count` streams of a kind (-1: all) in the middle of the next event's record.

        `scheduler` (of one framework, if it is named), `operator` and `agent` are streams of the leading master;
        `executor` are those of one agent, or of all.
        """
        if stream not in STREAMS:
            raise FaultError(f"streams that can be cut are {', '.join(STREAMS)}, not {stream!r}")
        if framework_id is not None and stream != "scheduler":
            raise FaultError(f"framework_id: only the streams of schedulers have one, not those of kind {stream}")
        if agent is not None and stream != "executor":
            raise FaultError(f"agent: only the streams of executors are an agent's, not those of kind {stream}")
        if stream == "executor":
            for name in [agent] if agent is not None else self._cluster.agents:
                self._set(self._agent(name), cut_streams=count)
        elif stream == "scheduler":
            self._set(self._leading(), cut_schedulers=count, framework_id=framework_id or "")
        else:
            self._set(self._leading(), **{f"cut_{stream}s": count})

    def kill_leader(self) -> str:
        """SIGKILL the leading master, and return its name once it is dead.

        With several masters the next one leads when ZooKeeper has given up the dead one's session; a `Cluster` that
        restarts its members starts the dead one again.
        """
        name, about = self._leader()
        pid = int(about["pid"])
        if "sdk.local.master" not in processes.command_line(pid):
            raise FaultError(f"{name} is not a process of its own on this machine (pid {pid}): it is left alone")
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _TIMEOUT
        while processes.alive(pid):
            if time.monotonic() > deadline:
                raise EnvironmentProblem(f"{name} (pid {pid}) did not end within {_TIMEOUT:g} s of SIGKILL")
            time.sleep(0.01)
        return name

    def expire_zookeeper_session(self, master: str | None = None) -> Json:
        """Expire the ZooKeeper session of a master, of the leading one if none is named.

        Its node is gone when this returns, and another master leads; the one that lost joins at the end of the queue.
        Returns the `session` and the `node` that were.
        """
        if master is not None and master not in self._cluster.masters:
            raise NoSuchMember(f"there is no master {master}; there are {', '.join(self._cluster.masters)}")
        where = self._leading() if master is None else (master, self._cluster.masters[master])
        found: Json = self._request("POST", where, f"{_FAULTS}/expire-session", {})
        return found

    # --- all ------------------------------------------------------------------------------------------------------

    def leader(self) -> str:
        """The name of the leading master."""
        return self._leader()[0]

    def registered(self) -> list[str]:
        """The names of the agents that the leading master takes for reachable."""
        return sorted(item["name"] for item in self._leader()[1]["agents"] if item["registered"])

    def unreachable_after(self) -> float:
        """Seconds until an agent that is cut off counts as unreachable."""
        return float(self._leader()[1]["unreachable_after"])

    def active(self) -> dict[str, Json]:
        """The faults in force by the name of who has them, agents and masters. Who does not answer is left out."""
        told = {name: {key: value for key, value in faults.items() if value} for name, faults in self._all("GET")[0]}
        return {name: faults for name, faults in told.items() if faults}

    def missing(self) -> list[str]:
        """The names of the masters and agents that do not answer: a process that starts again has no faults."""
        return self._all("GET")[1]

    def clear(self) -> list[str]:
        """End all faults of all members at once; returns the names of those that did not answer, and have none.

        What was killed stays dead, who is gone stays gone.
        """
        return self._all("DELETE")[1]

    # --- requests -------------------------------------------------------------------------------------------------

    def _all(self, method: str) -> tuple[list[tuple[str, Json]], list[str]]:
        """What every member says to a request about its faults, and who says nothing."""
        said: list[tuple[str, Json]] = []
        missing = []
        for name, address in [*self._cluster.masters.items(), *self._cluster.agents.items()]:
            try:
                said.append((name, self._request(method, (name, address), _FAULTS)))
            except EnvironmentProblem:
                missing.append(name)
        return said, missing

    def _agent(self, name: str) -> tuple[str, str]:
        agents = self._cluster.agents
        if name not in agents:
            raise NoSuchMember(f"there is no agent {name}; there are {', '.join(sorted(agents)) or 'none'}")
        return name, agents[name]

    def _leading(self) -> tuple[str, str]:
        name, _ = self._leader()
        return name, self._cluster.masters[name]

    def _leader(self) -> tuple[str, Json]:
        abouts = self._abouts()
        for name, about in abouts.items():
            if about["leads"]:
                return name, about
        waiting = ", ".join(abouts)
        raise EnvironmentProblem(
            f"no master leads at the moment; {waiting} wait for the election: try again in a few seconds"
        )

    def _abouts(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        problem = EnvironmentProblem("the cluster has no masters")
        for name, address in self._cluster.masters.items():
            try:
                found[name] = self._request("GET", (name, address), f"{_FAULTS}/about")
            except EnvironmentProblem as error:
                problem = error
        if not found:
            raise problem
        return found

    def _set(self, where: tuple[str, str], **wanted: bool | float | str) -> None:
        self._request("POST", where, _FAULTS, wanted)

    def _request(
        self, method: str, where: tuple[str, str], path: str, body: Json | None = None, timeout: float = _TIMEOUT
    ) -> Json:
        name, address = where
        who = f"{name} on {address}" if name != address else f"the master on {address}"
        return send(who, f"http://{address}{path}", method, body, self._credentials, timeout)


def set_faults(agent: str, **wanted: bool | float) -> Json:
    """Change the faults of the agent at `host:port` by their names in `AgentFaults`; returns all of them."""
    return send(f"the agent on {agent}", f"http://{agent}{_FAULTS}", "POST", wanted, None, _TIMEOUT)
