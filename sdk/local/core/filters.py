"""Refusals: which framework does not want which resources of which agent in which role, until when.

Looked up by agent and framework; what expires is found without walking what does not.
"""

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sdk.local.core.resources import Resources


@dataclass(slots=True, kw_only=True, eq=False)
class Filter:
    """What a framework refused on one agent in one role, until when."""

    framework_id: str
    agent_id: str
    role: str
    refused: Resources
    until: float
    dropped: bool = False
    """No longer looked up; it only waits to leave the heap."""
    known: Resources | None = None
    """What was last found to be refused, without more that is known of it: an idle agent offers the same again every
    cycle.
    """

    def covers(self, role: str, resources: Resources) -> bool:
        """Whether all of `resources` was refused in that role."""
        if self.role != role:
            return False
        if self.known is None or not self.known.is_same(resources):
            if not self.refused.contains(resources):
                return False
            self.known = resources.plain()
        return True


class Filters:
    """All refusals that hold."""

    def __init__(self) -> None:
        self._on: dict[str, dict[str, list[Filter]]] = {}
        """By agent, then by framework."""
        self._agents: dict[str, set[str]] = {}
        """The agents of which each framework refused something."""
        self._due: list[tuple[float, int, Filter]] = []
        self._number = 0
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._due) - self._dropped

    def __iter__(self) -> Iterator[Filter]:
        return (item for _, _, item in self._due if not item.dropped)

    def add(self, item: Filter) -> None:
        """Keep a refusal."""
        self._on.setdefault(item.agent_id, {}).setdefault(item.framework_id, []).append(item)
        self._agents.setdefault(item.framework_id, set()).add(item.agent_id)
        self._number += 1
        heapq.heappush(self._due, (item.until, self._number, item))

    def on(self, agent_id: str) -> Mapping[str, Sequence[Filter]]:
        """What is refused of an agent, by framework."""
        return self._on.get(agent_id, {})

    def expire(self, now: float) -> None:
        """Forget what held until `now`."""
        while self._due and (self._due[0][2].dropped or self._due[0][0] <= now):
            item = heapq.heappop(self._due)[2]
            if item.dropped:
                self._dropped -= 1
                continue
            self._on[item.agent_id][item.framework_id].remove(item)
            self._tidy(item.framework_id, item.agent_id)

    def next(self) -> float | None:
        """When the next one ends; call `expire` first."""
        return self._due[0][0] if self._due else None

    def drop_roles(self, framework_id: str, roles: Collection[str]) -> None:
        """Forget the refusals of a framework in these roles."""
        for agent_id in list(self._agents.get(framework_id, ())):
            items = self._on[agent_id][framework_id]
            for item in items:
                if item.role in roles:
                    self._drop(item)
            items[:] = [item for item in items if not item.dropped]
            self._tidy(framework_id, agent_id)
        self._shrink()

    def drop_framework(self, framework_id: str) -> None:
        """Forget the refusals of a framework."""
        for agent_id in list(self._agents.get(framework_id, ())):
            self._forget(framework_id, agent_id)
        self._shrink()

    def drop_agent(self, agent_id: str) -> None:
        """Forget the refusals of an agent's resources."""
        for framework_id in list(self._on.get(agent_id, ())):
            self._forget(framework_id, agent_id)
        self._shrink()

    def _forget(self, framework_id: str, agent_id: str) -> None:
        items = self._on[agent_id][framework_id]
        for item in items:
            self._drop(item)
        items.clear()
        self._tidy(framework_id, agent_id)

    def _tidy(self, framework_id: str, agent_id: str) -> None:
        if self._on[agent_id][framework_id]:
            return
        del self._on[agent_id][framework_id]
        self._agents[framework_id].discard(agent_id)
        if not self._on[agent_id]:
            del self._on[agent_id]
        if not self._agents[framework_id]:
            del self._agents[framework_id]

    def _drop(self, item: Filter) -> None:
        item.dropped = True
        self._dropped += 1

    def _shrink(self) -> None:
        """What was dropped may wait in the heap as long as it is the smaller part: REVIVE may come ten times a second,
        a refusal may hold for a year.
        """
        while self._due and self._due[0][2].dropped:
            heapq.heappop(self._due)
            self._dropped -= 1
        if self._dropped * 2 > len(self._due):
            self._due = [entry for entry in self._due if not entry[2].dropped]
            heapq.heapify(self._due)
            self._dropped = 0
