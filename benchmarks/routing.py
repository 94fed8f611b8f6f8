"""What finding a backend costs: a frontend with few and with many rules, beside maps that were written by hand.

By hand each host leads to its backend by one lookup in one file; that is all that such a configuration can do, where
ours keeps the order of rules with hosts, paths and patterns. Everything else is the same on both sides. All take turns
within one run, and what is compared are the two of a turn; one size is compared by TLS as well. One more pool has rules
with patterns before its hosts, each of which is tried.

    .venv/bin/python benchmarks/routing.py [--seconds 3] [--rounds 7] [--patterns 100] [--json] [--check] [--quick]
"""

import functools
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import Answers
from benchmarks.data_plane import APP, CAREFUL, PLACES, Part, hosts, in_turns, multiple, takes_connections, tell
from benchmarks.pool import Json, host_of
from benchmarks.report import Bar, Report, parser, progress, stoppable
from benchmarks.system import System, until
from pool_executor.lbmgr.certificates import autocert
from sdk.local.simulated.on_demand import NewTask
from tests.support.ports import free_port

SIZES = (10, 1000, 5000)
_MIXED = 1000
"""Hosts that are asked for by TLS, and behind rules with patterns."""
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
{careful}
frontend web
    bind 127.0.0.1:{port}{tls}
    http-request set-header X-Forwarded-Port %[dst_port]
    option forwardfor
    use_backend %[req.hdr(host),field(1,:),lower,map_str({map},none)]
backend app
    balance roundrobin
{servers}
"""


def by_hand(directory: Path, count: int, port: int, *, tls: bool = False) -> subprocess.Popen[bytes]:
    """HAProxy with so many hosts in a map; the process is its worker."""
    table = directory / f"{count}.map"
    certificate = directory / "web.pem"
    if tls:
        certificate.write_bytes(autocert.make("web", [host_of(APP)], datetime.now(UTC)))
    table.write_text("".join(f"h{number}.test {APP}\n" for number in range(count - 1)) + f"{host_of(APP)} {APP}\n")
    servers = "\n".join(f"    server s{number} {host}:{at} check" for number, (host, at) in enumerate(PLACES))
    file = directory / f"{count}{'-tls' * tls}.cfg"
    bind = f" ssl crt {certificate} alpn h2,http/1.1 ssl-min-ver TLSv1.2" if tls else ""
    file.write_text(BY_HAND.format(port=port, map=table, servers=servers, careful=CAREFUL, tls=bind))
    return subprocess.Popen(["haproxy", "-db", "-f", str(file)], stderr=subprocess.DEVNULL)


def by_tls(count: int) -> Json:
    """A pool of so many hosts that are asked for by HTTPS."""
    document = hosts("tls", count)
    document["haproxy"]["frontends"][0] |= {"protocol": "HTTPS", "certificates": ["$AUTOCERT"]}
    return document


def with_patterns(count: int, patterns: int) -> Json:
    """A pool of so many hosts behind so many rules, none of which matches what is asked."""
    document = hosts("patterns", count)
    link = document["haproxy"]["frontends"][0]["linkBackend"]
    rules = [
        {"backend": APP, "hostReg": rf"^www\d+[.]customer-{number}[.]test$", "pathEnd": ".html"}
        for number in range(patterns)
    ]
    link["map"] = [*rules, *link["map"]]
    return document


def main() -> int:
    """Measure it."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=3.0, help="of each round")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--patterns", type=int, default=100, help="rules with patterns before 1,000 hosts")
    given = options.parse_args()
    stoppable()
    if given.quick:
        given.seconds, given.rounds = min(given.seconds, 1.0), min(given.rounds, 2)
    report = Report(name="routing")
    mixed = f"{_MIXED:,} hosts behind {given.patterns} patterns"
    pairs = {**{(count, False): hosts(f"hosts-{count}", count) for count in SIZES}, (_MIXED, True): by_tls(_MIXED)}
    with tempfile.TemporaryDirectory() as name, Answers() as answers, System(tasks=10) as system:
        answers.listen(PLACES)
        balancers = {}
        for key, document in {
            **{_ours(*pair): pool for pair, pool in pairs.items()},
            mixed: with_patterns(_MIXED, given.patterns),
        }.items():
            progress(f"{key} ...")
            system.create(document)
            balancers[key] = system.balance(document["name"])
        system.tasks.start(NewTask(name=APP, address=address, port=port) for address, port in PLACES)
        for balancer in balancers.values():
            until("all servers", lambda balancer=balancer: len(balancer.servers(APP)) == len(PLACES))  # type: ignore[misc]
        # What is compared stands beside each other: the machine may have other things to do meanwhile.
        parts: dict[str, Part] = {}
        processes = []
        try:
            for count, tls in pairs:
                process = by_hand(Path(name), count, port := free_port(), tls=tls)
                processes.append(process)
                until("HAProxy by hand", lambda port=port: takes_connections(port), timeout=60)  # type: ignore[misc]
                ours = balancers[_ours(count, tls)]
                parts[_ours(count, tls)] = Part(ours.port, ours.workers, tls)
                parts[_theirs(count, tls)] = Part(port, functools.partial(_only, process.pid), tls)
            parts[mixed] = Part(balancers[mixed].port, balancers[mixed].workers)
            turns = in_turns(parts, given.rounds, given.seconds)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
    tell(report, turns)
    few, many = SIZES[0], SIZES[-1]
    report.bars += [
        Bar(
            name=f"CPU per request with {_ours(*pair)} as a multiple of that by hand",
            value=multiple(turns, _ours(*pair), _theirs(*pair), lambda one: one.cost),
            limit=1 / 0.95,
        )
        for pair in pairs
    ]
    report.bars += [
        Bar(
            name=f"requests per second by hand with {_ours(*pair)} as a multiple of ours",
            value=multiple(turns, _theirs(*pair), _ours(*pair), lambda one: one.rate),
            limit=1 / 0.95,
        )
        for pair in pairs
    ]
    report.bars.append(
        Bar(
            name=f"CPU per request with {many:,} hosts as a multiple of that with {few}",
            value=multiple(turns, _ours(many), _ours(few), lambda one: one.cost),
            limit=1.1,
        )
    )
    report.figures[f"CPU per request with {mixed} as a multiple of that without"] = multiple(
        turns, mixed, _ours(_MIXED), lambda one: one.cost
    )
    return report.finish(given)


def _ours(count: int, tls: bool = False) -> str:
    return f"{count:,} hosts{' by TLS' * tls}"


def _theirs(count: int, tls: bool = False) -> str:
    return f"{_ours(count, tls)} by hand"


def _only(pid: int) -> list[int]:
    return [pid]


if __name__ == "__main__":
    sys.exit(main())
