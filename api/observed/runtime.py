"""What is known of pools at run time, read from everybody who knows something: ZooKeeper and the scheduler.

Knows whom to ask and what it means when one does not answer. What follows from the answers is status.py's.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from api.dcos_template.publishing.problem import Problem
from api.observed.rendered import Lag, Rendered
from api.observed.scheduler_link import Answer, service_path
from api.status.joined import pool_status, removal_status
from api.status.states import UNKNOWN
from api.status.verdict import Facts, SchedulerSide
from api.web.context import Context, not_found
from api.web.problems import ApiProblem
from pool_executor.contract import InstanceStatus
from scheduler.pools.stored.record import StoredPool
from sdk.errors import CorruptRecord, StorageUnavailable

_log = structlog.get_logger()


class Scheduler:
    """Asks the leading scheduler. What it says of itself is asked once, also when many pools are looked at, and so is
    one that does not answer.
    """

    def __init__(self, context: Context) -> None:
        self._link = context.scheduler
        self._url: str | None = None
        self._state: Answer | None = None
        self._all: Answer | None = None
        self._silent: str | None = None

    def ask_for_all(self) -> None:
        """Let one answer serve for all pools that are looked at from now on; without it each is asked for."""
        if self._asked() is None:
            return
        try:
            found = self._get("/v1/details")
        except ApiProblem:
            return  # too much at once
        # 404 comes from an older release, 500 when it fails at some pool, which is to cost the others nothing.
        self._all = found if found is not None and found.status not in (404, 500) else None

    def side(self, name: str) -> SchedulerSide:
        """What it says of one pool, or why it says nothing."""
        state = self._asked()
        if state is None:
            return self._failed(self._silent)
        try:
            plans, pods = self._service(name)
        except ApiProblem as problem:
            return self._failed(problem.message)
        if plans is None or pods is None:
            return self._failed(self._silent)
        # 404 is no trouble: the scheduler has not taken the pool up yet, or is done with it.
        refused = next((answer for answer in (state, plans, pods) if answer.status not in (200, 404)), None)
        if refused is not None:
            return self._failed(f"the scheduler says: {sentence(refused)}")
        wrong = next((one.get("message") for one in _list(state, "problems") if one.get("service") == name), None)
        return SchedulerSide(
            url=self._url,
            problem=wrong,
            pool_version=_pool_version(plans),
            pool_uid=_label(plans, "EDGELB_POOL_UID"),
            waits=_waits(state),
            plans=_list(plans, "plans"),
            pods=_list(pods, "pods"),
        )

    def _asked(self) -> Answer | None:
        """What it says of itself."""
        if self._state is None:
            try:
                self._state = self._get("/v1/state")
            except ApiProblem as problem:
                self._silent = problem.message
        return self._state

    def _service(self, name: str) -> tuple[Answer | None, Answer | None]:
        """Plans and pods of one pool."""
        if self._all is None:
            return self._get(service_path(name, "plans")), self._get(service_path(name, "pods"))
        if self._all.status != 200:
            return self._all, self._all
        services = self._all.body.get("services") if isinstance(self._all.body, dict) else None
        found = services.get(name) if isinstance(services, dict) else None
        both = Answer(status=200 if isinstance(found, dict) else 404, body=found)
        return both, both

    def _get(self, path: str) -> Answer | None:
        """None when it does not answer, now or before; ApiProblem when its answer is of no use."""
        if self._silent is not None:
            return None
        try:
            self._url = self._url or self._link.url()
            return self._link.call("GET", path)
        except ApiProblem as problem:
            if problem.status != 503:
                raise
            self._silent = problem.message
        except CorruptRecord as error:
            self._silent = f"the scheduler's leadership node cannot be read: {error}"
        except StorageUnavailable as error:
            self._silent = str(error)
        return None

    def _failed(self, why: str | None) -> SchedulerSide:
        return SchedulerSide(url=self._url, error=why)


def status_of(context: Context, stored: StoredPool, side: SchedulerSide) -> dict[str, Any]:
    """Everything about a pool that is stored; ApiProblem 500 when what is rendered cannot be read."""
    name = stored.pool.name
    try:
        rendered = context.published.rendered(name)
    except CorruptRecord as error:
        raise ApiProblem(500, f"the rendered configuration of pool {name} cannot be read: {error}") from error
    # Read after the heads, so that an instance that follows them is not seen behind.
    instances = context.published.instances(name)
    facts = Facts(
        lags=_lags(context, rendered, instances),
        fields=_fields(context, stored, rendered, instances),
        problem=_problem(context, stored),
        doubts=context.liveness.doubts(),
        now=time.time(),
    )
    return pool_status(stored, rendered, instances, side, facts)


def _problem(context: Context, stored: StoredPool) -> Problem | None:
    name = stored.pool.name
    try:
        found = context.published.problem(name)
        # What was said of a pool that was deleted says nothing of the one that has its name now.
        return found if found is not None and found.revision.uid == stored.revision.uid else None
    except CorruptRecord as error:
        # The template writes it anew when something changes; everything else is known without it.
        _log.warning("What is wrong with a pool cannot be read", pool=name, error=str(error))
        return None


def _lags(context: Context, rendered: Rendered, instances: Sequence[InstanceStatus]) -> dict[str, Lag]:
    if rendered.endpoints is None:
        return {}
    found = {one.task_id: context.lags.of(one.task_id, one.endpoints, rendered.endpoints) for one in instances}
    return {task_id: lag for task_id, lag in found.items() if lag is not None}


def _fields(
    context: Context, stored: StoredPool, rendered: Rendered, instances: Sequence[InstanceStatus]
) -> dict[str, str]:
    """The field that each complaint is about, of instances that refused what is rendered of the pool as it is."""
    head = rendered.structure
    if head is None or (head.pool_uid, head.pool_version) != stored.revision:
        return {}
    told = (one.structure for one in instances if one.structure.rejected_version == head.version)
    complaints = dict.fromkeys(one.error for one in told if one.error)
    found = {complaint: context.trials.field(stored, complaint) for complaint in complaints}
    return {complaint: field for complaint, field in found.items() if field is not None}


def removal(context: Context, name: str, side: SchedulerSide) -> dict[str, Any]:
    """What is left of a deleted pool, so that one can wait for its end; 404 when nothing is."""
    instances = context.published.instances(name)
    if not (instances or side.pods or side.plans or context.published.left_of(name)):
        raise not_found(name)
    return removal_status(name, instances, side)


def all_statuses(context: Context) -> list[dict[str, Any]]:
    """The state of every pool in short, by name; one that cannot be read is told as such."""
    scheduler = Scheduler(context)
    scheduler.ask_for_all()
    view = context.pools.all()
    context = replace(context, published=context.published.ahead(view))
    short: dict[str, dict[str, Any]] = {}
    for name, stored in view.items():
        try:
            found = status_of(context, stored, scheduler.side(name))
        except ApiProblem as problem:
            found = _unreadable(name, problem.message)
        short[name] = {key: found[key] for key in ("name", "version", "state", "summary", "reasons")}
    short |= {name: _unreadable(name, problem) for name, problem in view.unreadable.items()}
    return [short[name] for name in sorted(short)]


def _unreadable(name: str, problem: str) -> dict[str, Any]:
    return {"name": name, "version": None, "state": UNKNOWN, "summary": problem, "reasons": [problem]}


def _waits(state: Answer) -> str | None:
    body = state.body if isinstance(state.body, dict) else {}
    return str(body["reason"]) if body.get("ready") is False and body.get("reason") else None


def _pool_version(plans: Answer) -> int | None:
    value = _label(plans, "EDGELB_POOL_VERSION")
    return int(value) if value and value.isdecimal() else None


def _label(plans: Answer, name: str) -> str | None:
    labels = plans.body.get("labels") if isinstance(plans.body, dict) else None
    value = labels.get(name) if isinstance(labels, dict) else None
    return value if isinstance(value, str) else None


def _list(answer: Answer, key: str) -> list[dict[str, Any]]:
    items = answer.body.get(key) if isinstance(answer.body, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def sentence(answer: Answer) -> str:
    """What an answer that is an error says."""
    message = answer.body.get("message") if isinstance(answer.body, dict) else None
    return str(message) if message else f"HTTP {answer.status}"
