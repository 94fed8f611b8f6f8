"""How much CPU it takes to render a pool: what the template does when a pool changes.

The configuration is made in this process, as the processes that render do it; times are seconds of CPU, the best of
some runs. Servers are no part of a structure, so their lines are made as an instance makes them. A pool is rendered as
a whole, as one that nobody has seen before; or only in the part of the backend that changed, which is the least that
could be done; or again, after a change of one backend.

    .venv/bin/python benchmarks/render.py [--json] [--check] [--quick]
"""

import argparse
import gc
import itertools
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.dcos_template.rendering.build import build_backend, build_config, shard_of
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.text import render
from api.dcos_template.selecting.endpoint import Endpoint, Kind
from api.dcos_template.selecting.servers import server_of
from benchmarks.report import Bar, Report, parser, progress, stoppable
from pool_executor.contract import BackendFacts, Server, compose, server_line
from scheduler.pools.model import Haproxy, Pool
from scheduler.pools.schema import load_pool

KEY = "0123456789abcdef" * 2
#: What a backend can have beside its services.
FEATURES: dict[str, Any] = {
    "balance": "hdr(X-User)",
    "rewriteHttp": {
        "host": "app.example.com",
        "path": {"fromPath": "/shop", "toPath": "/"},
        "sticky": {},
    },
    "customCheck": {
        "httpchk": True,
        "httpchkMiscStr": r"GET /health HTTP/1.1\r\nHost:\ app.example.com",
        "miscStr": "http-check expect status 200-299",
    },
    "timeouts": {"server": 60, "connect": 1, "queue": 10, "tunnel": 600, "check": 1},
    "retries": {"count": 2, "on": ["conn-failure", "503"], "methods": ["GET", "PUT"]},
    "miscStrs": ["option srvtcpka", "http-request set-header X-App 'a b'"],
}
ENDPOINT: dict[str, Any] = {
    "weight": 20,
    "maxConnections": 100,
    "slowStart": 10,
    "check": {"customStr": "inter 2s fall 2"},
    "miscStr": "on-marked-down shutdown-sessions",
}


_numbers = itertools.count()


def pool(backends: int, *, features: bool) -> Pool:
    """Each backend has a host of its own in one frontend."""
    return load_pool(
        {
            "name": "web",
            "haproxy": {
                "frontends": [
                    {
                        "name": "http",
                        "linkBackend": {
                            "map": [{"backend": f"app{at}", "hostEq": f"app{at}.example.com"} for at in range(backends)]
                        },
                    }
                ],
                "backends": [
                    {
                        "name": f"app{at}",
                        **(FEATURES if features else {}),
                        "services": [
                            {"marathon": {"serviceID": f"/app{at}"}, "endpoint": ENDPOINT if features else {}}
                        ],
                    }
                    for at in range(backends)
                ],
            },
        }
    )


def ruled(hosts: int) -> Pool:
    """As many rules of hosts, and as many without, in turn."""
    rules = [
        rule
        for at in range(hosts)
        for rule in (
            {"backend": "app", "pathBeg": f"/p{at}"},
            {"backend": "other", "hostEq": f"app{at}.example.com"},
        )
    ]
    backends = [{"name": name, "services": [{"mesos": {"taskName": name}}]} for name in ("app", "other")]
    return load_pool(
        {
            "name": "web",
            "haproxy": {"frontends": [{"name": "http", "linkBackend": {"map": rules}}], "backends": backends},
        }
    )


def servers(shape: Pool, each: int) -> dict[str, list[Server]]:
    """So many of each backend."""
    found: dict[str, list[Server]] = {}
    for number, backend in enumerate(shape.haproxy.backends):
        host = f"10.{number // 250}.{number % 250}"
        endpoints = [Endpoint(Kind.AGENT_IP, f"{host}.{at + 1}", 31000 + at) for at in range(each)]
        found[backend.name] = [server_of(one, None, ()) for one in endpoints]
    return found


def composed(texts: Texts, of: dict[str, list[Server]]) -> int:
    """The files of an instance; how many bytes they have."""

    def lines(facts: BackendFacts) -> Any:
        return (server_line(one, facts.options) for one in of[facts.backend])

    return sum(len(compose(text.text, lines)) for text in texts.values() if text.part.kind == "config")


def rendered(shape: Pool) -> Texts:
    """As of a pool that comes for the first time."""
    build_backend.cache_clear()
    return render(build_config(replace(shape, name=f"web-{next(_numbers)}"), KEY))


def rendered_again(shape: Pool) -> Texts:
    """As of the pool that was rendered last, with another first backend than ever."""
    first, *others = shape.haproxy.backends
    changed = replace(first, minimum_servers=next(_numbers))
    return render(build_config(replace(shape, haproxy=replace(shape.haproxy, backends=(changed, *others))), KEY))


def part_of(shape: Pool) -> Pool:
    """A pool of the backends alone that stand in a file with the first one."""
    name = shard_of(shape.haproxy.backends[0].name)
    backends = tuple(one for one in shape.haproxy.backends if shard_of(one.name) == name)
    return replace(shape, haproxy=Haproxy(backends=backends))


def cpu(job: Callable[[], object], repeats: int) -> float:
    """Seconds, the best of some."""
    best = float("inf")
    for _ in range(repeats):
        gc.collect()
        before = time.process_time()
        job()
        best = min(best, time.process_time() - before)
    return best


def run(options: argparse.Namespace) -> Report:
    """All measurements."""
    repeats = 2 if options.quick else 5
    report = Report(name="render")
    figures, limits = report.figures, {20: 0.008, 200: 0.08, 1000: 0.4}
    for backends in (20, 200) if options.quick else (20, 200, 1000):
        progress(f"{backends} backends of 50 servers")
        shape, rich = pool(backends, features=False), pool(backends, features=True)
        of, least = servers(shape, 50), part_of(shape)
        name = f"{backends * 50:,} servers in {backends:,} backends"

        def whole(one: Pool, of: dict[str, list[Server]] = of) -> None:
            composed(rendered(one), of)

        structure = cpu(lambda shape=shape: rendered(shape), repeats)  # type: ignore[misc]
        again = cpu(lambda shape=shape: rendered_again(shape), repeats)  # type: ignore[misc]
        everything = cpu(lambda shape=shape: whole(shape), repeats)  # type: ignore[misc]
        features = cpu(lambda rich=rich: whole(rich), repeats)  # type: ignore[misc]
        part = cpu(lambda least=least: rendered(least), repeats)  # type: ignore[misc]
        figures[f"{name}: structure, ms CPU"] = structure * 1000
        figures[f"{name}: structure, one backend is another, ms CPU"] = again * 1000
        figures[f"{name}: structure and servers, ms CPU"] = everything * 1000
        figures[f"{name}: with every feature, ms CPU"] = features * 1000
        figures[f"{name}: whole / the part of one backend"] = structure / part
        report.bars.append(Bar(name=f"{name}: s CPU", value=everything, limit=limits[backends]))
        figures[f"{name}: with every feature / without"] = features / everything
        report.bars.append(Bar(name=f"{name}: with every feature, s CPU", value=features, limit=1.5 * limits[backends]))
    hosts = 500 if options.quick else 5000
    shape = ruled(hosts)
    took = cpu(lambda: rendered(shape), repeats)
    report.bars.append(Bar(name=f"{hosts:,} hosts and {hosts:,} rules without a host: s CPU", value=took, limit=1.0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.bars.append(Bar(name="memory of the process at most, MB", value=peak, limit=200))
    return report


def main() -> int:
    """Measure, print."""
    options = parser(__doc__).parse_args()
    stoppable()
    return run(options).finish(options)


if __name__ == "__main__":
    raise SystemExit(main())
