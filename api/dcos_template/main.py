"""`edgelb run template`: one process that renders all pools; any number may run, the holder of the lock publishes."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from api.auto_pools.dialects import Dialects
from api.auto_pools.templates.task_page import written_page
from api.auto_pools.templates.template_store import TemplateStore
from api.auto_pools.thread.context import Rules as AutoPoolRules
from api.auto_pools.thread.worker import AutoPoolWorker
from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.heartbeat import Heartbeat
from api.dcos_template.metrics import TemplateMetrics
from api.dcos_template.publishing.trace import Trace
from api.dcos_template.rendering.workshop import Workshop
from api.dcos_template.selecting.selection import Rules
from api.dcos_template.worker import Worker
from api.mesos_listener.client import TaskWatch
from api.mesos_listener.replica import TaskChanges
from api.process.health import HealthServer
from api.process.turns import Turns
from api.prospects.answerer import Answerer
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.store import PoolStore, PoolView
from sdk.clock import SystemClock
from sdk.end_signals import on_end_signals
from sdk.storage.connection import Handle, SessionState, ZooKeeper, connect
from sdk.storage.election import Leadership
from sdk.storage.holder import Role

log = structlog.get_logger()


#: Seconds in which the loop comes round when all is well: rendering pools of tens of thousands of servers, and calls to
#: a ZooKeeper that hangs, take their time.
_LONGEST_TURN = 180.0


def run(
    zk: str,
    zk_root: str,
    listeners: Sequence[str],
    health_listen: str,
    *,
    rules: Rules,
    hold_percent: int,
    raw_strings: bool,
    auto_pools: AutoPoolRules | None,
) -> None:
    """Work until SIGTERM or SIGINT, with health and metrics at `health_listen` (`host:port`).

    `listeners` are addresses of mesos-listeners, `host:port`.
    """
    stop = threading.Event()

    def on_signal(number: signal.Signals) -> None:
        log.info(f"Stopping because of {number.name}")
        stop.set()

    on_end_signals(on_signal)
    work(
        zk,
        zk_root,
        listeners,
        stop,
        health_listen=health_listen,
        rules=rules,
        hold_percent=hold_percent,
        raw_strings=raw_strings,
        auto_pools=auto_pools,
    )


def work(
    zk: str,
    zk_root: str,
    listeners: Sequence[str],
    stop: threading.Event,
    *,
    rules: Rules | None = None,
    hold_percent: int = DEFAULT_PERCENT,
    raw_strings: bool = True,
    auto_pools: AutoPoolRules | None = None,
    health_listen: str = "127.0.0.1:0",
    on_health: Callable[[str], None] | None = None,
) -> None:
    """Work until `stop` is set; `on_health` is told the address of the health server. Without rules for them there are
    no auto pools.

    ZooKeeper and the listeners may be away, now or later.
    """
    clock = SystemClock()
    turns, auto_turns = Turns(clock, limit=_LONGEST_TURN), Turns(clock, limit=_LONGEST_TURN)
    trace, metrics = Trace(), TemplateMetrics()
    health = HealthServer(
        health_listen,
        name="template-health",
        healthy=lambda: turns.problem or (auto_turns.problem if maker is not None else None),
        ready=lambda: _not_ready(zookeeper, leadership, tasks),
        registry=metrics.registry,
        questions={
            "/trace": lambda query: {"changes": trace.of(query.get("task", ""))},
            "/auto-pools": lambda query: {
                "pools": maker.status(query.get("template", ""), query.get("addresses", "").split(","))
                if maker is not None
                else {}
            },
            "/exposed": lambda query: {"exposed": exposed(query.get("template", ""), query.get("after", ""))},
            "/why": lambda query: {"why": why(query.get("task", ""))},
            "/prospects": lambda query: {"reasons": prospects(query.get("services", ""))},
        },
        gauges={
            "edgelb_template_turn_age_seconds": ("Time since the working loop came round", lambda: turns.age),
            "edgelb_template_leading": ("1 while this process publishes", lambda: leadership.role is Role.LEADER),
            "edgelb_template_listener_silence_seconds": (
                "Time since a mesos-listener said anything",
                lambda: _since(clock, tasks.feed.heard),
            ),
            "edgelb_template_mesos_silence_seconds": (
                "Time since Mesos said anything to the listener",
                lambda: _since(clock, tasks.feed.mesos_heard),
            ),
            "edgelb_template_tasks_kept": (
                "Tasks that are as last known, because the Mesos master has not heard from their agents yet",
                lambda: tasks.feed.kept,
            ),
        },
    )
    zookeeper = connect(zk)
    leadership = Leadership(
        zookeeper,
        f"{zk_root.rstrip('/')}/locks/template",
        {"id": f"{socket.gethostname()}:{os.getpid()}", "url": _url(health.address), "pid": os.getpid()},
    )

    def why(text: str) -> dict[str, object]:
        # Labels know the schema of pools, which takes its time to load.
        from api.why.questions import tell

        return tell(
            text,
            tasks.tasks.values(),
            complete=tasks.synced,
            services=worker.services_of,
            statuses=lambda template, keys: maker.status(template, tasks=keys) if maker is not None else {},
            dialects=auto_pools.dialects if auto_pools is not None else Dialects(),
        )

    def exposed(template: str, after: str) -> dict[str, object] | None:
        page = maker.exposed(template, int(after) if after.isdecimal() else 0) if maker is not None else None
        return None if page is None else written_page(page)

    answerer = Answerer(rules or Rules(), clock)

    def prospects(services: str) -> list[str] | None:
        # More tasks may run than are known.
        if not tasks.synced or tasks.feed.incomplete:
            return None
        return answerer.answer(services, tasks.tasks)

    def on_tasks(changes: TaskChanges) -> None:
        worker.on_tasks(changes)
        if maker is not None:
            maker.on_tasks(changes)

    tasks = TaskWatch(listeners, on_tasks)
    heartbeat = Heartbeat(zookeeper, zk_root, leadership.id, lambda: tasks.feed, clock)

    def turned() -> None:
        turns.turned()
        heartbeat.turned()

    worker = Worker(
        zookeeper,
        zk_root,
        leadership.path,
        clock,
        turned=turned,
        rules=rules,
        hold_percent=hold_percent,
        workshop=partial(Workshop, raw_strings=raw_strings),
        trace=trace,
        metrics=metrics,
    )

    own = OwnWritings()
    maker: AutoPoolWorker | None = None
    if auto_pools is not None:
        maker = AutoPoolWorker(
            zookeeper,
            zk_root,
            leadership.path,
            clock,
            turned=auto_turns.turned,
            cluster=lambda: len(tasks.tasks),
            own=own,
            rules=auto_pools,
        )
    rooms: list[Worker | AutoPoolWorker] = [worker] if maker is None else [worker, maker]

    def on_state(state: SessionState) -> None:
        if state is SessionState.CONNECTED:
            for room in rooms:
                room.on_connected()

    def on_pools(view: PoolView) -> None:
        for room in rooms:
            room.on_pools(view)

    def on_gained(epoch: int) -> None:
        for room in rooms:
            room.on_gained(epoch)

    def on_lost() -> None:
        for room in rooms:
            room.on_lost()

    zookeeper.add_listener(on_state)
    for room in rooms:
        room.start()
    watches: list[Handle] = [PoolStore(zookeeper, zk_root, own=own).watch(on_pools)]
    if maker is not None:
        watches.append(TemplateStore(zookeeper, zk_root).watch(maker.on_templates))
    tasks.start()
    leadership.start(on_gained, on_lost)
    health.start()
    if on_health is not None:
        on_health(health.address)
    log.info("The template process has started", zk=zookeeper.address, root=zk_root, listeners=list(listeners))
    try:
        stop.wait()
    finally:
        tasks.stop()
        for watch in watches:
            watch.close()
        for room in rooms:
            room.stop()
        leadership.stop()
        zookeeper.close()
        health.stop()
        log.info("The template process has stopped")


def _url(address: str) -> str:
    """Where others ask what listens at the address."""
    host, _, port = address.rpartition(":")
    host = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _not_ready(zookeeper: ZooKeeper, leadership: Leadership, tasks: TaskWatch) -> str | None:
    if zookeeper.state is not SessionState.CONNECTED:
        return f"ZooKeeper at {zookeeper.address} is {zookeeper.state.value}"
    if not tasks.synced:
        return f"the running tasks are not known yet: {tasks.feed.why_not}"
    return None if leadership.role is Role.LEADER else "standby: another process publishes"


def _since(clock: SystemClock, moment: float | None) -> float | None:
    return None if moment is None else clock.monotonic() - moment
