"""`edgelb run template`: one process that renders all pools; any number may run, the holder of the lock publishes."""

import os
import signal
import socket
import threading
from collections.abc import Sequence
from types import FrameType

import structlog

from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.publish import Publisher
from api.dcos_template.records import Records
from api.dcos_template.select import Rules
from api.dcos_template.worker import Worker
from api.mesos_listener.client import TaskWatch
from scheduler.pools.store import PoolStore
from sdk.clock import SystemClock
from sdk.storage.connection import State, connect
from sdk.storage.election import Leadership

log = structlog.get_logger()


def run(zk: str, zk_root: str, listeners: Sequence[str], *, rules: Rules, hold_percent: int) -> None:
    """Work until SIGTERM or SIGINT. `listeners` are addresses of mesos-listeners, `host:port`."""
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        log.info(f"Stopping because of {signal.Signals(number).name}")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    work(zk, zk_root, listeners, stop, rules=rules, hold_percent=hold_percent)


def work(
    zk: str,
    zk_root: str,
    listeners: Sequence[str],
    stop: threading.Event,
    *,
    rules: Rules | None = None,
    hold_percent: int = DEFAULT_PERCENT,
) -> None:
    """Work until `stop` is set. ZooKeeper and the listeners may be away, now or later."""
    zookeeper = connect(zk)
    leadership = Leadership(
        zookeeper,
        f"{zk_root.rstrip('/')}/locks/template",
        {"id": f"{socket.gethostname()}:{os.getpid()}", "url": "", "pid": os.getpid()},
    )
    worker = Worker(
        Publisher(zookeeper, leadership, zk_root),
        Records(zookeeper, leadership, zk_root),
        SystemClock(),
        rules=rules,
        hold_percent=hold_percent,
    )

    def on_state(state: State) -> None:
        if state is State.CONNECTED:
            worker.on_connected()

    zookeeper.add_listener(on_state)
    worker.start()
    pools = PoolStore(zookeeper, zk_root).watch(worker.on_pools)
    tasks = TaskWatch(listeners, worker.on_tasks)
    tasks.start()
    leadership.start(worker.on_gained, worker.on_lost)
    log.info("The template process has started", zk=zookeeper.address, root=zk_root, listeners=list(listeners))
    try:
        stop.wait()
    finally:
        tasks.stop()
        pools.close()
        worker.stop()
        leadership.stop()
        zookeeper.close()
        log.info("The template process has stopped")
