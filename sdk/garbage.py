"""How often a scheduler's process is stopped to look for garbage.

Its records live as long as it does, and a look goes through all of them: with Python's defaults a third of what
thousands of updates cost. What comes and goes with an event is let go of without the collector.
"""

import gc

_THRESHOLDS = (50_000, 20, 100)


def look_rarely() -> None:
    """For a process that is a scheduler; called once, at its start."""
    gc.set_threshold(*_THRESHOLDS)
