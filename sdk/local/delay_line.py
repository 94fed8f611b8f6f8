"""Things that are done later, in the order in which they came.

Knows a delay and a time until which everything is held; what is done, and why late, is the caller's.
"""

import asyncio
from collections import deque
from collections.abc import Callable


class DelayLine:
    """With no delay and nothing waiting, what is put here is done at once."""

    def __init__(self) -> None:
        self.delay = 0.0
        """Seconds by which what is put here from now on is late. Less than before never lets it overtake."""
        self._held_until = 0.0
        self._waiting: deque[tuple[float, Callable[[], object]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether something put here now would be done at once."""
        return not self._waiting and not self.delay and not self.held

    @property
    def held(self) -> float:
        """Seconds for which everything is held."""
        return max(0.0, self._held_until - asyncio.get_running_loop().time()) if self._held_until else 0.0

    def put(self, action: Callable[[], object]) -> None:
        """Do `action` when it is its turn."""
        if self.idle:
            action()
            return
        due = asyncio.get_running_loop().time() + self.delay if self.delay else 0.0
        if self._waiting:
            due = max(due, self._waiting[-1][0])
        self._waiting.append((due, action))
        self._arm()

    async def passed(self) -> None:
        """Return when it is its turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def come() -> None:
            # Whoever waits may be gone by then.
            if not turn.done():
                turn.set_result(None)

        self.put(come)
        await turn

    def hold(self, seconds: float) -> None:
        """Do nothing for so long from now on, whatever was told before."""
        self._held_until = asyncio.get_running_loop().time() + seconds if seconds else 0.0
        self._arm()

    def flush(self) -> None:
        """End delay and hold, and do at once all that waits, in its order."""
        self.delay = self._held_until = 0.0
        self._waiting = deque((0.0, action) for _, action in self._waiting)
        self._run()

    def drop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            due = max(self._waiting[0][0], self._held_until)
            self._timer = asyncio.get_running_loop().call_at(due, self._run)

    def _run(self) -> None:
        # One by one: an action may put something here, which then stands behind all of these.
        now = asyncio.get_running_loop().time()
        while self._waiting and max(self._waiting[0][0], self._held_until) <= now:
            _, action = self._waiting.popleft()
            action()
        self._arm()
