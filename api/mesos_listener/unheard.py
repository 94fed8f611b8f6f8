"""Agents of which the master has not heard yet: nobody can say what runs on them. Pure.

A master that has just taken over knows the names of the agents that its registry has, and hears from them one by one.
A master without its registry does not even know their names. Knows of which agents that holds now, and what changed in
it. Does not know what becomes of the tasks on such agents (index.py, replica.py).
"""

from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass


class Unheard:
    """Agents that are `awaited`; and, while `others`, all that are not among those that were `heard`."""

    def __init__(self, *, awaited: Iterable[str] = (), others: bool = False, heard: Iterable[str] = ()) -> None:
        self.awaited = set(awaited)
        self.others = others
        self.heard = set(heard)

    def __contains__(self, agent_id: str) -> bool:
        return agent_id in self.awaited or (self.others and agent_id not in self.heard)

    def __bool__(self) -> bool:
        return self.others or bool(self.awaited)

    def copy(self) -> "Unheard":
        """The same, which does not change with this one."""
        return Unheard(awaited=self.awaited, others=self.others, heard=self.heard)

    def take(self, news: "News") -> None:
        """What has changed."""
        self.awaited -= news.heard
        self.awaited -= news.overdue
        if self.others:
            self.heard |= news.heard
        if news.others_overdue:
            self.others = False
            self.heard.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What changed: agents that the master has heard from or knows to be gone, and those that are given up.

    What is not named on an agent that was heard has ended; what ran on one that is overdue went missing.
    """

    heard: frozenset[str] = frozenset()
    overdue: frozenset[str] = frozenset()
    others_overdue: bool = False

    def __bool__(self) -> bool:
        return self.others_overdue or bool(self.heard or self.overdue)


#: Nothing.
NO_NEWS = News()


def union(news: Collection[News]) -> News:
    """All as one."""
    return News(
        heard=frozenset().union(*(one.heard for one in news)),
        overdue=frozenset().union(*(one.overdue for one in news)),
        others_overdue=any(one.others_overdue for one in news),
    )


class RollCall:
    """The agents that a listener's first master has yet to hear from; of what they run, the listener knows nothing.

    Those that the master knows are waited for `recovered` seconds, all others `unknown` seconds. A later master changes
    nothing: of agents that were heard the listener knows what they ran.
    """

    def __init__(self, *, recovered: float, unknown: float) -> None:
        self._recovered, self._unknown = recovered, unknown
        self._unheard: Unheard | None = None
        self._recovered_until = self._unknown_until = 0.0
        self._begins = False
        self._answered: set[str] = set()

    @property
    def complete(self) -> bool:
        """True when no agent is missing that the master knows."""
        return self._unheard is not None and not self._unheard.awaited

    def called(self, heard: Set[str], awaited: Set[str], now: float) -> None:
        """A snapshot: these agents were heard, and these are not, though the master knows them."""
        if self._unheard is None:
            self._unheard = Unheard(awaited=awaited, others=True, heard=heard)
            self._recovered_until, self._unknown_until = now + self._recovered, now + self._unknown
            self._begins = True
            return
        for agent_id in heard:
            self.answered(agent_id)

    def answered(self, agent_id: str) -> None:
        """The agent is there, or known to be gone."""
        if self._unheard and agent_id in self._unheard:
            self._answered.add(agent_id)

    def news(self, now: float) -> tuple[Unheard | None, News]:
        """How it is, if it has just begun; else what has changed since the last time."""
        unheard, heard = self._unheard, self._answered
        if not unheard:
            return None, NO_NEWS
        if self._begins:
            self._begins = False
            return unheard.copy(), NO_NEWS
        overdue = unheard.awaited - heard if now >= self._recovered_until else set()
        others_overdue = unheard.others and now >= self._unknown_until
        if not (heard or overdue or others_overdue):
            return None, NO_NEWS
        news = News(heard=frozenset(heard), overdue=frozenset(overdue), others_overdue=others_overdue)
        heard.clear()
        unheard.take(news)
        return None, news
