"""What the thread of auto pools knows of one pool template and its pool, while it is in charge."""

from collections.abc import Collection
from dataclasses import dataclass, field

from api.auto_pools.claims.ledger import Ledger
from api.auto_pools.making.auto_pool import AutoPool
from api.auto_pools.templates.language.meaning import Meaning
from api.auto_pools.templates.stored_template import StoredTemplate, pool_of
from api.auto_pools.thread.choosing import Choosing
from api.auto_pools.thread.doubt import Doubt, judge, too_many, without
from api.auto_pools.thread.roster import Moves
from api.auto_pools.thread.stand_in import Fault, Text, words
from api.dcos_template.windows import Lane
from api.mesos_listener.task import TaskKey
from scheduler.pools.model import Pool

#: Seconds between two writes of a pool at least.
APART = 0.1
#: Seconds until it is looked again whether what holds a write up is over.
LOOK_AGAIN = 1.0
#: Seconds until a text that could not be printed is tried again, where tasks changed, and where none did.
TRY_AGAIN, TRY_ANYWAY = 5.0, 600.0
#: Characters of why it could not be: each task's status tells it.
_LONGEST = 1_000
#: Trying may take so large a share of the time.
_TRIES_SHARE = 0.05
#: Writing may take so large a share of the time: large pools are written less often, but not for ever so.
_SHARE = 0.25
_MOST_APART = 2.0
LANE = Lane(window=APART, limit=APART)


@dataclass(slots=True)
class Core:
    """What the claims under a template make, and by which of its texts."""

    template: StoredTemplate
    """With the text that serves, which is not always the one that is stored."""
    meaning: Meaning
    made: AutoPool
    stored: Ledger
    """What stands in ZooKeeper of how old claims are."""
    without: frozenset[str] = frozenset()
    """Blocks of the text that are as by default."""
    choosing: Choosing | None = None
    """Where the template says which tasks take part."""
    proven: bool = False
    """Whether a pool of this text was stored."""
    settled: bool = False
    """Whether a pool was made of it once: what comes later is little."""
    wait_until: float = 0.0
    """Until then, in epoch seconds, nothing is written while applications are absent that had claims before."""
    failures: int = 0
    """How often in a row there was no answer at all from whoever prints the text."""
    replaced: bool = False
    """Another text is being read that stands in for it."""

    @property
    def text(self) -> Text:
        """What serves."""
        return Text(text=self.template.text, without=self.without)


@dataclass(slots=True)
class Generated:
    """One template and its pool."""

    template: StoredTemplate
    """As it stands in ZooKeeper now."""
    core: Core | None = None
    """None until what stands in ZooKeeper is read."""
    lane: Lane = field(default=LANE)
    written: Pool | None = None
    """What the claims had made when all of it was written last."""
    sure: bool = False
    """Nobody has written the pool since."""
    there: bool = False
    """There was one then."""
    failed: dict[TaskKey, str] = field(default_factory=dict)
    """Tasks of which the template says why they are not in the pool."""
    doubt: Doubt | None = None
    accepted: bool = False
    """Somebody said that applications which are absent are gone."""
    held: str = ""
    """Why nothing is written at the moment."""
    fault: Fault | None = None
    """Why the template cannot be printed."""
    printed: str = ""
    """The last text of which a pool was stored; empty for the default one."""
    moved: bool = False
    """Tasks changed since the stored text was tried last."""
    tried: float = 0.0
    """When that was, on the clock that does not jump."""
    pause: float = TRY_AGAIN
    trying: bool = False
    unread: bool = False
    """The stored text could not be looked at, and has to be."""
    unwritten: str = ""
    """Why the pool could not be stored."""

    @property
    def name(self) -> str:
        """Of the template."""
        return self.template.name

    @property
    def pool(self) -> str:
        """The name of its pool."""
        return pool_of(self.template.name)

    @property
    def stands_in(self) -> bool:
        """Whether something else serves than the text that is stored."""
        return self.core is not None and self.core.text != Text(text=self.template.text)

    def blame(self, why: str, now: float) -> None:
        """The stored text cannot be printed."""
        self.fault = Fault(why=why[:_LONGEST], since=self.fault.since if self.fault is not None else now)

    @property
    def trouble(self) -> str:
        """What is wrong with the stored text, and what is done about it; empty when nothing is."""
        if self.fault is None:
            return ""
        return words(self.core.text if self.core is not None else None, self.fault, stored=self.template.text)

    @property
    def try_again(self) -> float | None:
        """When the stored text is to be tried again, on the clock that does not jump; None while it serves."""
        if self.fault is None or not self.stands_in or self.trying:
            return None
        return self.tried + (self.pause if self.moved else TRY_ANYWAY)

    def tried_in(self, began: float, ended: float) -> None:
        """It was tried in that time, in vain or not: what takes long is tried less often."""
        self.trying, self.tried, self.pause = False, ended, max(TRY_AGAIN, (ended - began) / _TRIES_SHARE)

    @property
    def in_doubt(self) -> bool:
        """Whether somebody could say that something is gone."""
        return self.doubt is not None or bool(self.held)

    def accept(self) -> Collection[TaskKey]:
        """Somebody says so; the tasks that are gone."""
        gone, self.doubt, self.accepted = self.doubt.tasks if self.doubt is not None else (), None, True
        return gone

    def wrote(self, took: float) -> None:
        """A write that took so many seconds is done."""
        window = min(max(APART, took / _SHARE), _MOST_APART)
        self.lane = self.lane.succeeded()._replace(window=window, limit=window)
        self.unwritten = ""

    def believed(
        self,
        moves: Moves,
        missing: Collection[TaskKey],
        *,
        here: int,
        percent: int,
        cluster_is_empty: bool,
        waiting: bool,
        now: float,
    ) -> list[TaskKey]:
        """The tasks that are gone; `missing` are those of whom nobody said so, `here` tasks of the template are named.

        What is not believed is in `doubt` afterwards.
        """
        named = {task.key for task in moves.updated}
        ended = [key for key in moves.removed if key not in missing]
        doubt = without(self.doubt, named.union(ended)) if self.doubt is not None else None
        lost = {key for key in moves.removed if key in missing} | (doubt.tasks if doubt is not None else set())
        self.doubt = judge(
            doubt, lost, here, percent=percent, cluster_is_empty=cluster_is_empty, waiting=waiting, now=now
        )
        kept = self.doubt.tasks if self.doubt is not None else frozenset[TaskKey]()
        return [*ended, *(key for key in lost if key not in kept)]

    def why_not(self, *, percent: int, cluster_is_empty: bool, waiting: bool, now: float) -> str:
        """Why nothing is written: the process in charge before has known applications that nobody names to this one.

        What they asked for is not known, so the pool would lose it.
        """
        core = self.core
        if core is not None and core.choosing is not None and not core.choosing.complete:
            return "it is not known yet which tasks take part"
        left_out = core.choosing.apps_left_out if core is not None and core.choosing is not None else ()
        absent = core.made.absent_without(left_out) if core is not None else 0
        if core is None or not absent or self.accepted:
            return ""
        several = absent != 1
        who = f"{absent} application{'s' if several else ''} of it {'have' if several else 'has'} no task yet"
        if waiting:
            return f"{who}, and the Mesos master waits for agents"
        if too_many(absent, core.made.present, percent=percent, cluster_is_empty=cluster_is_empty):
            return f"{who}, which are too many to be believed gone. If they are: edgelb accept-removal {self.pool}"
        return f"{who}; they may be about to start again" if now < core.wait_until else ""
