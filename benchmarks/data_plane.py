"""What a request costs in HAProxy as we configure it, beside configurations that were written by hand.

Ten servers, one backend, one host; then many hosts, and as many rules without a host before them. A machine that runs
client, HAProxy and servers on the same cores cannot tell how many requests per second HAProxy could take: HAProxy's CPU
for each request tells more. All take turns within one run, and what is compared are the two of a turn.

Two configurations by hand: `by hand` risks as little as ours, `kept` keeps connections to servers, which
docs/explanation/load-balancer.md gives the reasons not to do.

    .venv/bin/python benchmarks/data_plane.py [--seconds 3] [--rounds 7] [--hosts 5000] [--json] [--check] [--quick]
"""

import functools
import multiprocessing
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import NETWORK, Answers, Place
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
PLACES: list[Place] = [(f"{NETWORK}.0.{1 + number}", 20_000) for number in range(10)]
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
{more}
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
CAREFUL = """
    option http-server-close
    option idle-close-on-response
    retry-on conn-failure empty-response
    timeout http-request 15s
    timeout http-keep-alive 1s
"""


class Part(NamedTuple):
    """An HAProxy that takes its turns: where it listens, by TLS or not, and the process ids of its workers."""

    port: int
    workers: Callable[[], list[int]]
    tls: bool = False


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

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return percentile(self.latencies, 0.99)


def _hammer(pipe: Connection, port: int, host: str, duration: float, tls: bool) -> None:
    """A client that sends the next request as soon as it has the answer, on several connections in turns."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    if tls:
        context = ssl._create_unverified_context()
        connections = [context.wrap_socket(connection, server_hostname=host) for connection in connections]
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


def hammered(part: Part, host: str, duration: float) -> Round:
    """One round against this HAProxy."""
    context = multiprocessing.get_context("forkserver")
    pipes, processes = [], []
    for _ in range(CLIENTS):
        ours, theirs = context.Pipe()
        process = context.Process(target=_hammer, args=(theirs, part.port, host, duration, part.tls), daemon=True)
        process.start()
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()
    began, start = sum(map(seconds, part.workers())), time.monotonic()
    for pipe in pipes:
        pipe.send("go")
    latencies = [value for pipe in pipes for value in pipe.recv()]
    passed = time.monotonic() - start
    used = sum(map(seconds, part.workers())) - began
    for process in processes:
        process.join()
    return Round(requests=len(latencies), seconds=passed, cpu=used, latencies=latencies)


def by_hand(directory: Path, name: str, port: int, more: str) -> subprocess.Popen[bytes]:
    """HAProxy with a configuration that was written by hand; the process is its worker."""
    servers = "\n".join(f"    server s{number} {host}:{port} check" for number, (host, port) in enumerate(PLACES))
    file = directory / f"{name}.cfg"
    file.write_text(BY_HAND.format(port=port, host=host_of(APP), servers=servers, more=more))
    return subprocess.Popen(["haproxy", "-db", "-f", str(file)], stderr=subprocess.DEVNULL)


Turns = dict[str, list[Round]]
"""The rounds of each that took part, in the order of the turns."""


def in_turns(parts: dict[str, Part], rounds: int, duration: float) -> Turns:
    """So many turns, each in the other direction than the one before."""
    found: Turns = {name: [] for name in parts}
    for number in range(rounds):
        progress(f"turn {number + 1} of {', '.join(parts)} ...")
        for name in parts if number % 2 else reversed(parts):
            found[name].append(hammered(parts[name], host_of(APP), duration))
    return found


def tell(report: Report, turns: Turns) -> None:
    """The figures of each: medians."""
    for name, rounds in turns.items():
        report.figures |= {
            f"{name}: requests per second": median([one.rate for one in rounds]),
            f"{name}: p99 (ms)": median([one.p99 for one in rounds]),
            f"{name}: CPU of HAProxy per request (us)": median([one.cost for one in rounds]),
        }


def multiple(turns: Turns, one: str, other: str, what: Callable[[Round], float]) -> float:
    """What it is with one as a multiple of what it is with the other: the median of the turns."""
    return median([what(first) / what(second) for first, second in zip(turns[one], turns[other], strict=True)])


def hosts(name: str, count: int, others: int = 0) -> Json:
    """A pool of so many hosts, behind so many rules without one; the last host leads to the backend that is asked."""
    rules = [{"backend": APP, "pathBeg": f"/p{number}"} for number in range(others)]
    rules += [{"backend": APP, "hostEq": f"h{number}.test"} for number in range(count - 1)]
    return pool(name, [backend(APP, APP)], rules=[*rules, {"backend": APP, "hostEq": host_of(APP)}])


def compared(report: Report, turns: Turns) -> None:
    """Bars of our configuration beside those by hand."""
    report.bars += [
        Bar(
            name="CPU per request as a multiple of that by hand",
            value=multiple(turns, "ours", "by hand", lambda one: one.cost),
            limit=1 / 0.97,
        ),
        Bar(
            name="requests per second by hand as a multiple of ours",
            value=multiple(turns, "by hand", "ours", lambda one: one.rate),
            limit=1 / 0.97,
        ),
        Bar(
            name="p99 as a multiple of that by hand",
            value=multiple(turns, "ours", "by hand", lambda one: one.p99),
            limit=1 / 0.97,
        ),
    ]
    kept = multiple(turns, "ours", "kept", lambda one: one.cost)
    report.figures["CPU per request as a multiple of that with kept connections"] = kept


def main() -> int:
    """Measure it."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=3.0, help="of each round")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--hosts", type=int, default=5000)
    given = options.parse_args()
    stoppable()
    if given.quick:
        given.seconds, given.rounds, given.hosts = min(given.seconds, 2.0), min(given.rounds, 2), min(given.hosts, 1000)
    report = Report(name="data_plane")
    few, many, mixed = f"{FEW} hosts", f"{given.hosts:,} hosts", f"{given.hosts:,} hosts and others"
    pools = {"ours": hosts("one", 1), few: hosts("few", FEW), many: hosts("many", given.hosts)}
    pools[mixed] = hosts("mixed", given.hosts, given.hosts)
    with tempfile.TemporaryDirectory() as name, Answers() as answers, System(tasks=10) as system:
        answers.listen(PLACES)
        balancers = {}
        for key, document in pools.items():
            system.create(document)
            balancers[key] = system.balance(document["name"])
        system.tasks.start(NewTask(name=APP, address=address, port=port) for address, port in PLACES)
        for balancer in balancers.values():
            until("all servers", lambda balancer=balancer: len(balancer.servers(APP)) == len(PLACES))  # type: ignore[misc]
        ours = {key: Part(balancer.port, balancer.workers) for key, balancer in balancers.items()}
        processes = []
        others: dict[str, Part] = {}
        try:
            for key, more in {"by hand": CAREFUL, "kept": ""}.items():
                process = by_hand(Path(name), key.replace(" ", "-"), port := free_port(), more)
                processes.append(process)
                until("HAProxy by hand", lambda port=port: takes_connections(port), timeout=60)  # type: ignore[misc]
                others[key] = Part(port, functools.partial(_listed, process.pid))
            first = in_turns({"ours": ours.pop("ours"), **others}, given.rounds, given.seconds)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
        tell(report, first)
        compared(report, first)
        second = in_turns(ours, given.rounds, given.seconds)
        tell(report, second)
    report.bars.append(
        Bar(
            name=f"CPU per request with {given.hosts:,} hosts as a multiple of that with {FEW}",
            value=multiple(second, many, few, lambda one: one.cost),
            limit=1 / 0.95,
        )
    )
    report.figures[f"CPU per request with rules without a host before {given.hosts:,} hosts as a multiple"] = multiple(
        second, mixed, few, lambda one: one.cost
    )
    return report.finish(given)


def _listed(pid: int) -> list[int]:
    return [pid]


def takes_connections(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
