"""Records of what is on agents, each under its id, and found by agent without a look at all the others.

Knows of a record only that it names its agent and never changes that.
"""

from collections.abc import ItemsView, Iterator, MutableMapping, ValuesView
from typing import Protocol, TypeVar


class OnAgent(Protocol):
    """A record of something on an agent."""

    @property
    def agent_id(self) -> str:
        """The agent that it is on."""


RecordT = TypeVar("RecordT", bound=OnAgent)


class Placed(MutableMapping[str, RecordT]):
    """A dict of records by id, in the order in which they came, with an index by agent that cannot fall behind it."""

    def __init__(self) -> None:
        self._records: dict[str, RecordT] = {}
        self._by_agent: dict[str, dict[str, RecordT]] = {}

    def on(self, agent_id: str) -> list[RecordT]:
        """Those on one agent, in the order in which they came; they may be taken out while the list is read."""
        return list(self._by_agent.get(agent_id, {}).values())

    def __getitem__(self, name: str) -> RecordT:
        return self._records[name]

    def __setitem__(self, name: str, record: RecordT) -> None:
        replaced = self._records.get(name)
        if replaced is not None and replaced.agent_id != record.agent_id:
            self._unlist(name, replaced)
        self._records[name] = record
        self._by_agent.setdefault(record.agent_id, {})[name] = record

    def __delitem__(self, name: str) -> None:
        self._unlist(name, self._records.pop(name))

    def _unlist(self, name: str, record: RecordT) -> None:
        there = self._by_agent[record.agent_id]
        del there[name]
        if not there:
            # Agents come and go with ids of their own: nothing stays of those that are gone.
            del self._by_agent[record.agent_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    # The views of a Mapping look up every single id, and it finds out what it lacks by an exception; the tasks of a
    # framework are walked often, and each launch asks whether its id is known.

    def __contains__(self, name: object) -> bool:
        return name in self._records

    def values(self) -> ValuesView[RecordT]:
        """As of a dict."""
        return self._records.values()

    def items(self) -> ItemsView[str, RecordT]:
        """As of a dict."""
        return self._records.items()

    def clear(self) -> None:
        """As of a dict."""
        self._records.clear()
        self._by_agent.clear()
