"""Which recordings are played over HTTP, and what is then another way than in memory."""

from pathlib import Path

from tests.conformance.http.replay import WireReplay
from tests.conformance.master.player import Step
from tests.conformance.master.scenarios import SCENARIOS

NUMBERS = ("01", "02", "05", "07", "09", "10", "10b", "11", "12", "13")
# The registry is a file: a master that leads has read it, so that nobody sees it recover.
_RECOVERING = frozenset({18, 20, 22, 41, 43, 45, 164})
_STEPS = (
    # ZooKeeper starts after the first master has been asked.
    Step(line=12, what="elect", who="master1"),
    Step(line=50, what="join", who="master3"),
    Step(line=50, what="join", who="master2"),
    Step(line=56, what="follow master1", who="master2"),
    Step(line=152, what="kill", who="master1"),
    Step(line=160, what="lead", who="master3"),
    Step(line=160, what="follow master3", who="master2"),
    Step(line=173, what="connect"),
)


def scenario(number: str, directory: Path) -> WireReplay:
    """The recording, ready to be played to processes that keep their files in `directory`."""
    base = SCENARIOS[number]
    elected = number == "10"
    return WireReplay(
        number,
        steps=_STEPS if elected else base.steps,
        config=base.config,
        credentials=base.credentials,
        skipped=base.skipped | _RECOVERING if elected else base.skipped,
        now=base.now,
        directory=directory,
        elected=elected,
    )
