"""What a request costs in HAProxy as we configure it, beside a configuration that was written by hand.

Ten servers, one backend, one host; then many hosts. A machine that runs client, HAProxy and servers on the same cores
cannot tell how many requests per second HAProxy could take, so what is compared is HAProxy's CPU for each request, in
turns within one run; requests per second and latencies stand beside it.

    .venv/bin/python benchmarks/data_plane.py [--seconds 5] [--rounds 3] [--hosts 5000] [--json] [--check] [--quick]
"""

import multiprocessing
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import Answers, Place
from benchmarks.pool import Json, backend, host_of, pool
from benchmarks.process import seconds
from benchmarks.report import Bar, Report, median, parser, percentile, progress, stoppable
from benchmarks.system import System, until
from sdk.local.simulated.on_demand import NewTask
from tests.support.ports import free_port

APP = "app"
CLIENTS = 2
CONNECTIONS = 8
"""Of each client, one request under way on each."""
PLACES: list[Place] = [(f"127.9.0.{1 + number}", 20_000) for number in range(10)]
FEW = 100
BY_HAND = """
global
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option redispatch
    retries 3
frontend web
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Forwarded-Proto http
    option forwardfor
    use_backend app if {{ hdr(host) -i {host} }}
backend app
    balance roundrobin
{servers}
"""


@dataclass(slots=True, kw_only=True)
class Round:
    """Of one round: requests, seconds, HAProxy's CPU in seconds, latencies in milliseconds."""

    requests: int
    seconds: float
    cpu: float
    latencies: list[float]

    @property
    def cost(self) -> float:
        """Microseconds of CPU for each request."""
        return self.cpu / self.requests * 1e6


def _hammer(pipe: Connection, port: int, host: str, duration: float) -> None:
    """A client that sends the next request as soon as it has the answer, on several connections in turns."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    request = b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode()
    pipe.send("ready")
    pipe.recv()
    end, latencies = time.monotonic() + duration, []
    sent = dict.fromkeys(connections, 0.0)
    for connection in connections:
        sent[connection] = time.monotonic()
        connection.sendall(request)
    while (now := time.monotonic()) < end:
        for connection in connections:
            answer = connection.recv(65_536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{host} was answered by {answer[:100]!r}")
            now = time.monotonic()
            latencies.append((now - sent[connection]) * 1000)
            sent[connection] = now
            connection.sendall(request)
    pipe.send(latencies)


def hammered(port: int, host: str, duration: float, workers: Callable[[], list[int]]) -> Round:
    """One round against the HAProxy whose workers these are."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(CLIENTS):
        ours, theirs = context.Pipe()
        process = context.Process(target=_hammer, args=(theirs, port, host, duration), daemon=True)
        process.start()
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()
    began, start = sum(map(seconds, workers())), time.monotonic()
    for pipe in pipes:
        pipe.send("go")
    latencies = [value for pipe in pipes for value in pipe.recv()]
    passed = time.monotonic() - start
    used = sum(map(seconds, workers())) - began
    for process in processes:
        process.join()
    return Round(requests=len(latencies), seconds=passed, cpu=used, latencies=latencies)


def by_hand(directory: Path, port: int) -> subprocess.Popen[bytes]:
    """HAProxy with the configuration that was written by hand; the process is its worker."""
    servers = "\n".join(f"    server s{number} {host}:{port}" for number, (host, port) in enumerate(PLACES))
    file = directory / "by-hand.cfg"
    file.write_text(BY_HAND.format(port=port, host=host_of(APP), servers=servers))
    return subprocess.Popen(["haproxy", "-db", "-f", str(file)], stderr=subprocess.DEVNULL)


def tell(report: Report, name: str, rounds: list[Round]) -> tuple[float, float]:
    """The figures of some rounds; medians of the CPU for each request and of p99."""
    cost = median([one.cost for one in rounds])
    p99 = median([percentile(one.latencies, 0.99) for one in rounds])
    report.figures |= {
        f"{name}: requests per second": median([one.requests / one.seconds for one in rounds]),
        f"{name}: p99 (ms)": p99,
        f"{name}: CPU of HAProxy per request (us)": cost,
    }
    return cost, p99


def hosts(count: int) -> Json:
    """A pool of so many hosts; the last one leads to the backend that is asked."""
    rules = [{"backend": APP, "hostEq": f"h{number}.test"} for number in range(count - 1)]
    return pool("web", [backend(APP, APP)], rules=[*rules, {"backend": APP, "hostEq": host_of(APP)}])


def main() -> int:
    """Measure it."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=5.0, help="of each round")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--hosts", type=int, default=5000)
    given = options.parse_args()
    stoppable()
    if given.quick:
        given.seconds, given.rounds, given.hosts = min(given.seconds, 2.0), min(given.rounds, 2), min(given.hosts, 1000)
    report = Report(name="data_plane")
    with tempfile.TemporaryDirectory() as name, Answers() as answers, System(tasks=10) as system:
        answers.listen(PLACES)
        system.create(hosts(1))
        balancer = system.balance("web")
        system.tasks.start(NewTask(name=APP, address=address, port=port) for address, port in PLACES)
        until("all servers", lambda: len(balancer.servers(APP)) == len(PLACES))
        port = free_port()
        other = by_hand(Path(name), port)
        try:
            until("HAProxy by hand", lambda: _takes(port), timeout=10)
            ours, theirs = [], []
            for number in range(given.rounds):
                progress(f"round {number + 1} ...")
                ours.append(hammered(balancer.port, host_of(APP), given.seconds, balancer.workers))
                theirs.append(hammered(port, host_of(APP), given.seconds, lambda: [other.pid]))
        finally:
            other.terminate()
            other.wait()
        cost, p99 = tell(report, "ours", ours)
        hand_cost, hand_p99 = tell(report, "by hand", theirs)
        report.bars += [
            Bar(name="CPU per request as a multiple of that by hand", value=cost / hand_cost, limit=1 / 0.97),
            Bar(name="p99 as a multiple of that by hand", value=p99 / hand_p99, limit=1 / 0.97),
        ]
        costs = {}
        for count in (FEW, given.hosts):
            progress(f"{count} hosts ...")
            system.update(hosts(count))
            time.sleep(3.0)
            rounds = [
                hammered(balancer.port, host_of(APP), given.seconds, balancer.workers) for _ in range(given.rounds)
            ]
            costs[count], _ = tell(report, f"{count:,} hosts", rounds)
        report.bars.append(
            Bar(
                name=f"CPU per request with {given.hosts:,} hosts as a multiple of that with {FEW}",
                value=costs[given.hosts] / costs[FEW],
                limit=1 / 0.95,
            )
        )
    return report.finish(given)


def _takes(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
