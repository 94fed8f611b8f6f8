"""Running the callback for an event, whoever's side it is on: what foreign code raises never ends the stream.

Does not know which callback is for which event.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import structlog

from sdk.mesos.subscription import WireEvent

_log = structlog.get_logger()

OnException = Callable[[Exception, WireEvent], None]
"""Gets what a callback raised, with its event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """What is the same for all events of one side."""

    events: Collection[str]
    """Types that pymesos may look for: it takes any `on_...` of the driver, also those that are not for the network."""
    sender: str
    """As people call it at the beginning of a sentence: `Mesos`, `The agent`."""
    side: str
    """Whose callbacks they are: `scheduler`, `executor`."""

    def run(self, event: WireEvent, callback: Callable[[WireEvent], object], on_exception: OnException | None) -> None:
        """Have `callback` take the event. What it raises is logged and reported, never more."""
        kind = event.get("type")
        if str(kind) not in self.events:
            _log.warning(f"{self.sender} sent an event of an unknown type", event_type=kind)
            return
        try:
            callback(event)
        except Exception as error:  # noqa: BLE001 - foreign code; its failure must not end the process
            _log.exception(f"A callback of the {self.side} failed; the stream goes on", event_type=kind)
            if on_exception is not None:
                try:
                    on_exception(error, event)
                except Exception:  # noqa: BLE001 - foreign code
                    _log.exception("The handler of failed callbacks failed itself")
