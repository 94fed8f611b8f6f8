"""One simulated framework: a scheduler that keeps a number of tasks running. Pure.

Events of the master go in, calls come out; both as on /api/v1/scheduler. It acknowledges every update at once and
launches another task for each that ended. Offers wait until `answer` is called: whoever drives it sets the pace.
"""

from collections import deque
from dataclasses import dataclass

from sdk.local.core.model import TERMINAL
from sdk.local.core.wire import Json
from sdk.local.simulated.contents import Contents, choose, framework_info, group_size

REFUSE_SECONDS = 120.0
"""How long what is left of an offer is refused; what is freed on that agent later is offered at once all the same."""


@dataclass(slots=True)
class _Place:
    agent_id: str
    index: int


class SimulatedFramework:
    """A scheduler for `count` tasks, at most `per_agent` new ones in one offer."""

    def __init__(self, contents: Contents, count: int, per_agent: int, seed: int) -> None:
        self._contents = contents
        self._count = count
        self._per_agent = per_agent
        self._seed = seed
        self._draws = 0
        self._group = group_size(contents.profile)
        self._offers: deque[Json] = deque()
        self._live: dict[str, str] = {}
        # Running tasks in a list and where they stand in it, so that one can be drawn at random.
        self._running: list[str] = []
        self._places: dict[str, _Place] = {}
        self.framework_id: str | None = None
        self.problem: str | None = None
        """Why the master refused it or a task, if it did."""

    def subscription(self) -> Json:
        """The SUBSCRIBE call."""
        return {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info(self._contents.profile)}}

    @property
    def wanted(self) -> int:
        """How many tasks are still to be launched."""
        return self._count - len(self._live)

    @property
    def running(self) -> int:
        """How many tasks run."""
        return len(self._running)

    @property
    def checked(self) -> bool:
        """Whether its tasks have health checks."""
        return self._contents.profile.kind != "custom"

    @property
    def offers(self) -> int:
        """How many offers wait for an answer."""
        return len(self._offers)

    def event(self, event: Json) -> list[Json]:
        """One event of the stream; returns the calls that it causes."""
        match event["type"]:
            case "SUBSCRIBED":
                self.framework_id = event["subscribed"]["framework_id"]["value"]
            case "OFFERS":
                self._offers.extend(event["offers"]["offers"])
            case "RESCIND":
                gone = event["rescind"]["offer_id"]
                self._offers = deque(offer for offer in self._offers if offer["id"] != gone)
            case "UPDATE":
                return self._update(event["update"]["status"])
            case "ERROR":
                self.problem = event["error"]["message"]
            case _:
                # HEARTBEAT, FAILURE and MESSAGE change nothing: what a lost agent means is told by updates.
                pass
        return []

    def _call(self, kind: str, content: Json) -> Json:
        return {"type": kind, "framework_id": {"value": self.framework_id}, kind.lower(): content}

    def _update(self, status: Json) -> list[Json]:
        task_id, state = status["task_id"]["value"], status["state"]
        if state == "TASK_ERROR":
            # What is launched here is right, so this cannot get better.
            self.problem = status.get("message", state)
        if state in TERMINAL:
            self._live.pop(task_id, None)
            self._leave(task_id)
        elif state == "TASK_RUNNING" and task_id in self._live and task_id not in self._places:
            self._places[task_id] = _Place(self._live[task_id], len(self._running))
            self._running.append(task_id)
        elif state != "TASK_RUNNING":
            # TASK_UNREACHABLE may come back; until then it cannot be asked for anything.
            self._leave(task_id)
        if "uuid" not in status:
            return []
        content = {"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]}
        return [self._call("ACKNOWLEDGE", content)]

    def _leave(self, task_id: str) -> None:
        place = self._places.pop(task_id, None)
        if place is None:
            return
        last = self._running.pop()
        if last != task_id:
            self._running[place.index] = last
            self._places[last].index = place.index

    def answer(self) -> Json | None:
        """The call that answers the oldest offer, with new tasks as far as they are wanted; None without offers."""
        if not self._offers:
            return None
        offer = self._offers.popleft()
        filters = {"refuse_seconds": REFUSE_SECONDS}
        room, ports = self._contents.capacity(offer["resources"])
        groups = max(0, min(room, self.wanted, self._per_agent)) // self._group
        if not groups:
            return self._call("DECLINE", {"offer_ids": [offer["id"]], "filters": filters})
        agent_id = offer["agent_id"]["value"]
        operations = []
        for index in range(groups):
            chosen = ports[index * self._group : (index + 1) * self._group]
            operation = self._contents.operation(agent_id, chosen)
            operations.append(operation)
            launched = operation.get("launch", {}).get("task_infos") or operation["launch_group"]["task_group"]["tasks"]
            for task in launched:
                self._live[task["task_id"]["value"]] = agent_id
        content = {"offer_ids": [offer["id"]], "operations": operations, "filters": filters}
        return self._call("ACCEPT", content)

    def revival(self) -> Json:
        """The call that makes the master forget what was refused: what was right then is not for ever."""
        return {"type": "REVIVE", "framework_id": {"value": self.framework_id}}

    @property
    def behind(self) -> bool:
        """Whether so many tasks are missing that offers must have been refused too long."""
        return self.wanted > max(self._group, self._count // 50)

    def draw(self) -> tuple[str, str] | None:
        """A running task and its agent, chosen by the seed; None when none runs."""
        if not self._running:
            return None
        self._draws += 1
        task_id = self._running[choose(self._seed, self._draws, len(self._running))]
        return task_id, self._places[task_id].agent_id
