"""One framework at work: events in, `decide`, storage, calls out. The shell around the pure core.

One queue and one thread per framework. A batch of events is decided on, everything that it stores is written in one
multi behind the leadership check, and only then the calls go out.
"""

from sdk.runner.edges import Charge, Feed, FeedFactory, NotInCharge, Phase, Status
from sdk.runner.runner import Runner

__all__ = ["Charge", "Feed", "FeedFactory", "NotInCharge", "Phase", "Runner", "Status"]
