"""Asking the template process in charge whether services that are about to be stored get servers, with little patience.

Without an answer nothing is said: whoever stores a pool waits for nobody, and the pool's status tells the same later.
"""

import threading
import time

import structlog
import urllib3

from api.observed.template_link import ask_template
from api.prospects.question import Placed, new_services, written_question
from api.web.problems import ApiProblem
from scheduler.pools.model import Pool
from sdk.errors import SdkError
from sdk.storage.connection import ZooKeeper

#: Seconds that somebody waits from the question on; what comes later is of use where HAProxy takes as long.
_PATIENCE = 0.5
_TIMEOUT = urllib3.Timeout(total=2.0)
#: Questions that are under way at once, each with a thread.
_MOST = 4
_MOST_TOLD = 10

_log = structlog.get_logger()


class Prospects:
    """Of one API server. Any thread may ask."""

    def __init__(self, zookeeper: ZooKeeper, root: str) -> None:
        self._zookeeper, self._root = zookeeper, root
        self._places = threading.BoundedSemaphore(_MOST)

    def ask(self, pool: Pool, before: Pool | None) -> "Prospect":
        """Begin to ask about the services that the pool did not have before."""
        prospect = Prospect(new_services(pool, before))
        if prospect.services and self._places.acquire(blocking=False):
            thread = threading.Thread(target=self._ask, args=(pool.name, prospect), name="prospect", daemon=True)
            thread.start()
        else:
            prospect.answered.set()
        return prospect

    def _ask(self, pool: str, prospect: "Prospect") -> None:
        text = written_question(pool, [one.service for one in prospect.services])
        try:
            prospect.reasons = ask_template(
                self._zookeeper, self._root, "/prospects", "reasons", list, _TIMEOUT, services=text
            )
        except (ApiProblem, SdkError) as error:
            _log.debug("Whether services get servers is not known", pool=pool, reason=str(error))
        finally:
            prospect.answered.set()
            self._places.release()


class Prospect:
    """A question that was asked, and its answer."""

    def __init__(self, services: list[Placed]) -> None:
        self.services = services
        self.reasons: list[object] = []
        """One for each service, once it is `answered`."""
        self.answered = threading.Event()
        self._until = time.monotonic() + _PATIENCE

    def warnings(self) -> tuple[str, ...]:
        """A sentence for each service without a server, as far as there is an answer when patience ends."""
        if not self.answered.wait(max(0.0, self._until - time.monotonic())):
            return ()
        told = [
            f"{one.path} has no server today: {reason}"
            for one, reason in zip(self.services, self.reasons, strict=False)
            if isinstance(reason, str) and reason
        ]
        more = len(told) - _MOST_TOLD
        return (*told[:_MOST_TOLD], *([f"and {more} more services have no server today"] if more > 0 else []))
