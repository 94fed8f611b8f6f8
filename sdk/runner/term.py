"""One stretch of leadership of one runner, as the threads see it that wait for its end."""

import threading


class Term:
    """Begins when the process takes charge, and ends when it loses it."""

    def __init__(self, epoch: int, wake: threading.Condition) -> None:
        """`wake` is notified at the end."""
        self.epoch = epoch
        self._wake = wake
        self._over = False

    def alive(self) -> bool:
        """Whether it still lasts."""
        return not self._over

    def end(self) -> None:
        """It is over; whoever pauses goes on."""
        with self._wake:
            self._over = True
            self._wake.notify_all()

    def pause(self, seconds: float | None) -> None:
        """Wait, but not beyond the end."""
        with self._wake:
            self._wake.wait_for(lambda: self._over, seconds)
