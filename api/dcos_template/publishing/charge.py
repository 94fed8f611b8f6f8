"""Being in charge since one moment, and writing to ZooKeeper on the strength of it.

Knows the epoch under which everything was read that a write is based on: a process that lost the lock and has it again
does not write with what it knew before. Does not know what is written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdk.errors import LeadershipLost, SdkError
from sdk.storage.connection import BadVersion, Check, NoNode, Op, ZooKeeper

Results = list[int | str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Charge:
    """Of one epoch of the lock at `path`. Two are never equal."""

    zookeeper: ZooKeeper
    path: str
    epoch: int

    def write(self, ops: Sequence[Op]) -> Results:
        """`ZooKeeper.multi` behind the check of the epoch; raises LeadershipLost when it is not that one any more."""
        try:
            return self.zookeeper.multi([self._check, *ops])[1:]
        except (BadVersion, NoNode) as error:
            raise self._meant(error) from error

    def write_soon(self, ops: Sequence[Op], done: Callable[[Results | SdkError], None]) -> None:
        """The same without waiting; `done` is told the results or the error, on a thread that must not be held up."""

        def answered(outcome: Results | SdkError) -> None:
            done(self._meant(outcome) if isinstance(outcome, SdkError) else outcome[1:])

        self.zookeeper.multi_soon([self._check, *ops], answered)

    @property
    def _check(self) -> Check:
        return Check(self.path, self.epoch)

    def _meant(self, error: SdkError) -> SdkError:
        if isinstance(error, BadVersion | NoNode) and error.path == self.path:
            return LeadershipLost(f"{self.path}: another process took over from epoch {self.epoch}")
        return error
