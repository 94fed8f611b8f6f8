"""lbmgr without Mesos: `python -m pool_executor.lbmgr --zk .. --pool .. --ports web=8080,stats=9090`.

For tests, benchmarks and for looking at a pool's bundle on any machine. SIGTERM and SIGINT drain, a second one stops.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import uuid
from pathlib import Path

from pool_executor import logs
from pool_executor.lbmgr.agent import Agent, End
from pool_executor.lbmgr.connection import Connection, prepare
from pool_executor.lbmgr.haproxy import program
from pool_executor.lbmgr.haproxy.old_workers import WorkerLimits
from pool_executor.lbmgr.haproxy.resources import Resources
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory
from pool_executor.lbmgr.settings import Settings
from pool_executor.lbmgr.status.health import HealthPolicy
from sdk.end_signals import on_end_signals
from sdk.errors import EnvironmentProblem
from sdk.zookeeper_address import argument

_log = logs.get_logger()


def _ports(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for pair in filter(None, text.split(",")):
        name, equals, number = pair.partition("=")
        if not equals or not number.isdigit() or not 0 < int(number) < 65536:
            raise argparse.ArgumentTypeError(f"{pair!r} is not NAME=PORT")
        found[name] = int(number)
    return found


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pool_executor.lbmgr", description="Run one HAProxy for a pool.")
    parser.add_argument(
        "--zk", type=argument, default=os.environ.get("EDGELB_ZK", "127.0.0.1:2181"), help="ZooKeeper ensemble"
    )
    parser.add_argument("--zk-root", default=os.environ.get("EDGELB_ZK_ROOT", "/edgelb"), help="root of the tree")
    parser.add_argument("--pool", required=True, help="name of the pool")
    parser.add_argument("--ports", type=_ports, default={}, help="NAME=PORT[,NAME=PORT]: the ports of this instance")
    parser.add_argument("--task-id", default=f"standalone__{uuid.uuid4()}", help="name of the status node")
    parser.add_argument("--sandbox", type=Path, help="directory of the files; default: a new temporary one")
    parser.add_argument("--haproxy", help="the executable; default: EDGELB_HAPROXY, else haproxy")
    parser.add_argument("--kill-grace", type=float, default=10.0, help="seconds to drain")
    parser.add_argument("--health-grace", type=float, default=30.0)
    parser.add_argument("--health-interval", type=float, default=2.0)
    parser.add_argument("--health-max-fail", type=int, default=0, help="checks that may fail in a row; 0: any number")
    parser.add_argument("--health-timeout", type=float, default=5.0)
    parser.add_argument("--cpus", type=float, help="CPUs that HAProxy may use; default: all")
    parser.add_argument("--memory", type=float, help="MB that lbmgr and HAProxy may use; default: any")
    limits = WorkerLimits()
    parser.add_argument("--max-old-workers", type=int, default=limits.most, help="workers that may outlive a reload")
    parser.add_argument("--old-worker-at-least", type=float, default=limits.at_least, help="seconds that each has")
    parser.add_argument("--hard-stop-after", type=float, default=limits.hard_stop_after, help="seconds until its end")
    parser.add_argument("--close-spread", type=float, default=limits.close_spread, help="seconds over which clients go")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run until drained; 0, or 1 when something is missing or HAProxy stayed unhealthy."""
    options = _arguments(arguments)
    logs.configure(os.environ.get("EDGELB_LOG_LEVEL", "info"))
    if options.sandbox is None or not options.sandbox.exists():
        prepare()  # else HAProxy is started first, on what is there
    try:
        haproxy = program.find(options.haproxy)
    except EnvironmentProblem as error:
        _log.error(str(error))
        return 1
    sockets = SocketDirectory()
    try:
        agent = Agent(
            Settings(
                task_id=options.task_id,
                pod="standalone-0",
                pool=options.pool,
                hostname=os.uname().nodename,
                ports=options.ports,
                health=HealthPolicy(
                    grace=options.health_grace,
                    interval=options.health_interval,
                    max_fail=options.health_max_fail,
                    timeout=options.health_timeout,
                ),
                limits=WorkerLimits(
                    most=options.max_old_workers,
                    at_least=options.old_worker_at_least,
                    hard_stop_after=options.hard_stop_after,
                    close_spread=options.close_spread,
                ),
                resources=Resources(cpus=options.cpus, memory=options.memory),
                sandbox=(options.sandbox or Path(tempfile.mkdtemp(prefix="lbmgr-"))).resolve(),
                sockets=sockets.path,
            ),
            binary=haproxy.path,
            version=haproxy.version,
            on_status=lambda _status: None,
        )
        return _serve(agent, options)
    finally:
        sockets.close()


def _serve(agent: Agent, options: argparse.Namespace) -> int:
    asked = 0

    def leave(_number: signal.Signals) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            agent.drain(options.kill_grace)
        else:
            agent.stop()

    connection = Connection(agent, hosts=options.zk, root=options.zk_root, pool=options.pool, task_id=options.task_id)
    ends: list[End] = []
    thread = threading.Thread(target=lambda: ends.append(agent.run()), name="lbmgr")
    on_end_signals(leave)
    thread.start()
    connection.open()
    thread.join()
    connection.close()
    return 0 if connection.failure is None and ends and ends[0] is not End.UNHEALTHY else 1


if __name__ == "__main__":
    sys.exit(main())
