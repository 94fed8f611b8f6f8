"""The rest before something is measured, in which what was done before comes to its end.

Whoever wants to see a benchmark run, and not its figures, gives it a smaller share of that with `--rest`.
"""

import time

_share = 1.0


def use(share: str) -> float:
    """Rest for this share of the usual time from now on."""
    global _share
    _share = float(share)
    return _share


def duration(seconds: float) -> float:
    """How long a rest of so many seconds is in this run."""
    return seconds * _share


def rest(seconds: float) -> None:
    """Do nothing for so long."""
    time.sleep(duration(seconds))
