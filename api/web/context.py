"""What the views need: made once per application, handed to each blueprint, no module-level state."""

from dataclasses import dataclass
from pathlib import Path

from flask import Response

from api.auto_pools.templates.template_store import TemplateStore
from api.changes.change_log import ChangeLog
from api.observed.lags import Lags
from api.observed.live_pools import LivePools
from api.observed.liveness import Liveness
from api.observed.published import Published
from api.observed.read_ahead import ReadAhead
from api.observed.scheduler_link import SchedulerLink
from api.prospects.client import Prospects
from api.users.credentials import Credentials
from api.validation.trials import Trials
from api.web.problems import ApiProblem
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.words import texts
from sdk.clock import SystemClock
from sdk.storage.connection import ZooKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The stores and peers of one API server."""

    zookeeper: ZooKeeper
    pools: LivePools
    templates: TemplateStore
    changes: ChangeLog
    published: Published
    scheduler: SchedulerLink
    liveness: Liveness
    lags: Lags
    trials: Trials
    prospects: Prospects
    version: str
    framework: str
    credentials: Credentials | None = None
    """Of those who may ask; None where everybody may."""
    requires_conditions: bool = False
    """Whether changes must say which state of a pool they are made to."""

    @classmethod
    def of(
        cls,
        zookeeper: ZooKeeper,
        root: str,
        framework: str,
        version: str,
        trials: Trials,
        secret: str | None = None,
        *,
        scheduler_ca: Path | None = None,
        credentials: Credentials | None = None,
        requires_conditions: bool = False,
    ) -> "Context":
        """All else follows from the connection, the root and the framework's name; `secret` is the scheduler's."""
        base = "/" + root.strip("/")
        return cls(
            zookeeper=zookeeper,
            pools=LivePools(zookeeper, base),
            templates=TemplateStore(zookeeper, base),
            changes=ChangeLog(zookeeper, base),
            published=Published(zookeeper=zookeeper, root=base, framework=framework, reads=ReadAhead(zookeeper)),
            scheduler=SchedulerLink(zookeeper, base, framework, secret, scheduler_ca),
            liveness=Liveness(zookeeper, base, SystemClock()),
            lags=Lags(SystemClock()),
            trials=trials,
            prospects=Prospects(zookeeper, base),
            version=version,
            framework=framework,
            credentials=credentials,
            requires_conditions=requires_conditions,
        )

    def stored(self, name: str) -> StoredPool:
        """The pool, or ApiProblem 404. A name that no pool can have is not found either."""
        found = None if texts.pool_name(name) else self.pools.get(name)
        if found is None:
            raise not_found(name)
        return found


def not_found(name: str) -> ApiProblem:
    """404 with the documented text; the name is in the URL."""
    del name
    return ApiProblem(404, "pool not found")


def plain(text: str) -> Response:
    """A text/plain answer."""
    return Response(text, mimetype="text/plain")
