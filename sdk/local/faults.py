"""Faults of an agent on demand: a partition from the master, lost or late status updates, lost launches, cut streams.

Counters say how many of the next messages are hit; -1 means all until told otherwise. Set over HTTP with
`set_faults("127.0.0.1:5051", partition=True)`, or POST of the same JSON to the agent's /internal/faults; what is not
named stays as it is.
"""

import json
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any

from sdk.local.core.wire import Json


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong from now on."""

    partition: bool = False
    """Nothing reaches the master and nothing of the master arrives; the end of it makes the agent register again."""
    drop_updates: int = 0
    """So many status updates are lost on their way to the master; the agent sends them again after 10 s."""
    delay_updates: float = 0.0
    """Status updates are so many seconds late."""
    lose_launches: int = 0
    """So many launches of the master never arrive."""
    cut_streams: int = 0
    """So many events to executors are cut in the middle of their record, and the stream with them."""

    def change(self, wanted: Any) -> None:
        """Take new settings; ValueError says what is wrong, and nothing is changed then."""
        if not isinstance(wanted, dict):
            raise ValueError('faults are a JSON object such as {"partition": true}')
        known: dict[str, Any] = asdict(self)
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"there is no fault '{name}'; known are {', '.join(known)}")
            number = isinstance(value, int) and not isinstance(value, bool)
            if name == "partition":
                good = isinstance(value, bool)
            elif name == "delay_updates":
                good = (number or isinstance(value, float)) and 0 <= value <= 3600
            else:
                good = number and value >= -1
            if not good:
                raise ValueError(f"{name}: {value!r} is not possible: true or false for partition, seconds up to 3600 "
                                 "for delay_updates, a count or -1 for the others")  # fmt: skip
        for name, value in wanted.items():
            setattr(self, name, value)

    def _hit(self, name: str) -> bool:
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0

    def to_master(self, message: Json) -> bool:
        """Whether a message to the master gets on its way."""
        return not self.partition and not (message["type"] == "UPDATE" and self._hit("drop_updates"))

    def from_master(self, message: Json) -> bool:
        """Whether a message of the master arrives."""
        launch = message["type"] in ("RUN_TASK", "RUN_TASK_GROUP")
        return not self.partition and not (launch and self._hit("lose_launches"))

    def cuts(self) -> bool:
        """Whether the next event to an executor is cut."""
        return self._hit("cut_streams")


def set_faults(agent: str, **wanted: bool | float) -> Json:
    """Change the faults of the agent at `host:port`; returns all of them. ValueError when it refuses."""
    request = urllib.request.Request(
        f"http://{agent}/internal/faults",
        json.dumps(wanted).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10.0) as response:  # noqa: S310 - our own http address
            found: Json = json.load(response)
            return found
    except urllib.error.HTTPError as error:
        raise ValueError(error.read().decode(errors="replace")) from error
