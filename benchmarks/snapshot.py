"""Beginning from nothing: what the view of a whole cluster costs, and how soon everything serves after a cold start.

A simulated cluster of so many tasks is there. Listener and template take its snapshot: CPU and memory. The same bytes
are decoded by msgspec, as what any program has to pay. Then everything that was stopped starts at once, while ZooKeeper
has its data: listener, template and lbmgr, until the first correct answer; and HAProxy is killed while ZooKeeper is
away, until it serves again.

    .venv/bin/python benchmarks/snapshot.py [--servers 1000,10000,50000] [--json] [--check] [--quick]
"""

import datetime
import http.client
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import NETWORK, Answers, answer_of
from benchmarks.awake import Awake
from benchmarks.balancer import Balancer
from benchmarks.pool import host_of, probe_name, services_for, usual
from benchmarks.prober import Prober
from benchmarks.process import ROOT, command_of, kill, name_of, tree
from benchmarks.report import Bar, Report, parser, progress, stoppable
from benchmarks.system import System, until
from sdk.local.simulated.on_demand import NewTask
from tests.support.ports import free_port
from tests.support.still import stop

PLACE = (f"{NETWORK}.0.1", 20_000)
COLD = {1000: 0.7, 10_000: 1.5, 50_000: 4.0}
"""Seconds until the first correct answer."""
LARGE = 50_000
IMPORTS = {
    "listener": "api.cli.processes, api.mesos_listener.main",
    "template": "api.cli.processes, api.dcos_template.main",
    "api": "api.cli.processes, api.web.main",
    "scheduler": "api.cli.processes, scheduler.main",
    "lbmgr": "pool_executor.lbmgr.__main__",
    "edgelb --help": "api.cli.main",
    "edgelb status": "api.cli.main, api.cli.status",
}
STAGES = {
    "ZooKeeper is connected": "lbmgr is connected to ZooKeeper",
    "All servers were read anew": "lbmgr knows the servers",
    "applied version": "HAProxy has the configuration",
}
"""What lbmgr logs on the way to the first answer."""


def snapshot_of(address: str) -> bytes:
    """The record with which the operator stream begins."""
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        connection.request("POST", "/api/v1", json.dumps({"type": "SUBSCRIBE"}), headers)
        response = connection.getresponse()
        length = int(response.readline())
        pieces = []
        while length:
            piece = response.read(min(length, 1 << 20))
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)
    finally:
        connection.close()


# In a process of its own: what it leaves in memory is not ours.
_DECODE = """
import gc, sys, time
data = sys.stdin.buffer.read()
try:
    import msgspec
    decode = msgspec.json.decode
    gc.disable()  # it would look at the growing tree again and again, for longer than decoding takes
except ImportError:
    sys.exit(3)
start = time.process_time()
decode(data)
print(time.process_time() - start)
"""


def decoded(data: bytes) -> float | None:
    """Seconds of CPU in which msgspec decodes it; None without msgspec."""
    done = subprocess.run([sys.executable, "-c", _DECODE], input=data, capture_output=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


# In the order in which the process imports them.
_IMPORT = """
import sys, time
import {modules}
print(time.process_time(), len(sys.modules))
"""


def imported(modules: str, processes: int) -> tuple[float, int]:
    """Seconds of CPU of a process that only imports the modules, the least of so many, and how many it has then."""
    command = [sys.executable, "-c", _IMPORT.format(modules=modules)]
    found = []
    for _ in range(processes):
        cpu, count = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
        found.append((float(cpu), int(count)))
    return min(found)


def timeline(said: str, began: float) -> dict[str, float]:
    """When lbmgr came to each stage, in seconds after `began` (of time.time()), by its log."""
    found: dict[str, float] = {}
    for line in said.splitlines():
        moment, _, rest = line.partition(" ")
        for words, stage in STAGES.items():
            if words in rest:
                found.setdefault(stage, datetime.datetime.fromisoformat(moment).timestamp() - began)
    return found


def prepared(system: System, answers: Answers, servers: int) -> Balancer:
    """The pool, its balancer, and one server that answers."""
    answers.listen([PLACE])
    system.create(usual("web", services_for(servers), 1))
    [task] = system.tasks.prepare([NewTask(name=probe_name(0), address=PLACE[0], port=PLACE[1])])
    balancer = system.balance("web")
    balancer.full(servers)
    with Prober(balancer.port) as prober:
        prober.watch(host_of(probe_name(0)), answer_of(PLACE))
        system.tasks.change([(task, "TASK_RUNNING")])
        prober.wait()
    return balancer


def cold(system: System, old: Balancer) -> tuple[float, dict[str, float]]:
    """Seconds from the start of all processes until the first correct answer, and the stages on the way."""
    for process in (old.process, system.template, system.listener):
        process.end(signal.SIGKILL)
    # A template that was killed has the lock until its session ends; one that begins on a new machine has no rival.
    time.sleep(8.0)
    with Prober(port := free_port()) as prober:
        prober.watch(host_of(probe_name(0)), answer_of(PLACE), timeout=180)
        start, began = time.monotonic(), time.time()
        system.listener.start()
        system.template.start()
        balancer = system.balance("web", port=port, wait=False)
        answered = prober.wait() - start
        # Written just after HAProxy began to answer.
        until("the configuration", lambda: len(timeline(balancer.process.said(), began)) == len(STAGES))
        return answered, timeline(balancer.process.said(), began)


def haproxy_killed(system: System, balancer: Balancer) -> tuple[float, float]:
    """Seconds until HAProxy serves again that was killed while ZooKeeper is away, and those of its own start."""
    system.zookeeper.kill()
    host, expected = host_of(probe_name(0)), answer_of(PLACE)
    with Prober(balancer.port) as prober:
        prober.watch(host, expected)
        prober.wait()
        command = command_of(balancer.master)
        directory = Path(f"/proc/{balancer.master}/cwd").readlink()
        haproxies = [pid for pid in tree(balancer.process.pid) if name_of(pid) == "haproxy"]
        start = time.monotonic()
        kill(haproxies)
        until("the end of HAProxy", lambda: not balancer.serves(), timeout=60, every=0.001)
        prober.watch(host, expected)
        back = prober.wait() - start
        # A lbmgr that stands still starts none, and keeps the directory of its sockets: others clear away what is left
        # of one that has ended.
        process = balancer.process
        stop(process.pid)
        kill([pid for pid in tree(process.pid) if name_of(pid) == "haproxy"])
        until("the end of HAProxy", lambda: not balancer.serves(), timeout=60)
        start = time.monotonic()
        own = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            prober.watch(host, expected)
            return back, prober.wait() - start
        finally:
            own.terminate()
            own.wait()
            process.end(signal.SIGKILL)


def measure(servers: int, report: Report) -> None:
    """One size."""
    name = f"{servers:,} tasks"
    progress(f"{name} ...")
    with Awake(), Answers() as answers, System(tasks=servers, services=services_for(servers)) as system:
        listener, memory = system.listener.cpu(), system.listener.memory()
        balancer = prepared(system, answers, servers)
        data = snapshot_of(system.mesos.address)
        own = decoded(data)
        template = system.template.memory()
        report.figures |= {
            f"{name}: snapshot (MB)": len(data) / 1e6,
            f"{name}: CPU of the listener (s)": listener,
            f"{name}: CPU of msgspec for the same bytes (s)": own if own is not None else "msgspec is not installed",
            f"{name}: memory of the listener (MB)": memory,
            f"{name}: memory of the template (MB)": template,
            f"{name}: memory of lbmgr (MB)": balancer.process.memory(),
        }
        begun, stages = cold(system, balancer)
        report.figures |= {f"{name}: cold start, {stage} (s)": seconds for stage, seconds in stages.items()}
        back, start = haproxy_killed(system, system.balancers[-1])
        report.figures[f"{name}: HAProxy's own start (s)"] = start
        report.bars += [
            Bar(name=f"{name}: cold start to the first correct answer (s)", value=begun, limit=COLD.get(servers, 4.0)),
            Bar(
                name=f"{name}: HAProxy killed without ZooKeeper, serving after its own start + (s)",
                value=back - start,
                limit=0.3,
            ),
        ]
        large = servers >= LARGE
        report.bars += [
            Bar(name=f"{name}: CPU of the listener (s)", value=listener if large else None, limit=2.5),
            Bar(
                name=f"{name}: CPU of the listener as a multiple of msgspec's",
                value=listener / own if own and large else None,
                limit=2,
            ),
            Bar(name=f"{name}: memory of the listener (MB)", value=memory if large else None, limit=150),
            Bar(name=f"{name}: memory of the template (MB)", value=template if large else None, limit=120),
        ]


def main() -> int:
    """Measure each size."""
    options = parser(__doc__)
    options.add_argument("--servers", default="1000,10000,50000", help="sizes, with commas between")
    options.add_argument("--imports", type=int, default=3, help="processes that only import, of which the least counts")
    given = options.parse_args()
    stoppable()
    sizes = [int(size) for size in given.servers.split(",")]
    report = Report(name="snapshot")
    for name, modules in IMPORTS.items():
        cpu, count = imported(modules, given.imports)
        report.figures |= {f"imports of {name}: CPU (s)": cpu, f"imports of {name}: modules": count}
    for size in [min(sizes)] if given.quick else sizes:
        measure(size, report)
    return report.finish(given)


if __name__ == "__main__":
    sys.exit(main())
