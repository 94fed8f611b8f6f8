"""How many handshakes fail while the certificate of a listener is replaced again and again.

    .venv/bin/python benchmarks/tls_rotation.py [--rotations N] [--handshakes RATE] [--json] [--check] [--quick]

One lbmgr with its HAProxy serves a pool whose certificate comes from the room for secrets. Clients in processes of
their own do handshakes at a steady rate, each on a new connection, and never try again. A certificate is replaced as
soon as the one before is served.
"""

import argparse
import datetime
import multiprocessing
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from benchmarks.report import Bar, Report, parser, percentile, progress, stoppable
from benchmarks.rest import rest
from pool_executor.contract import Blob, Endpoints, InstanceStatus, Structure, encode_endpoints
from pool_executor.lbmgr.agent import Agent
from pool_executor.lbmgr.certificates import autocert
from pool_executor.lbmgr.haproxy import program
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory
from pool_executor.lbmgr.settings import Settings
from scheduler.pools.schema import load_pool
from tests.support.ports import free_port

_PROCESSES = 2
_PATIENCE = 30.0
_POOL = {
    "name": "web",
    "secrets": [{"secret": "web", "file": "web.pem"}],
    "haproxy": {
        "stats": {"bindPort": 0},
        "frontends": [
            {
                "name": "web",
                "bindAddress": "127.0.0.1",
                "protocol": "HTTPS",
                "certificates": ["$SECRETS/web.pem"],
                "linkBackend": {"defaultBackend": "app"},
            }
        ],
        "backends": [{"name": "app", "protocol": "HTTP"}],
    },
}


@dataclass(frozen=True, slots=True)
class Tally:
    """What one process of clients saw: how long each handshake took, and what the failed ones said."""

    times: Sequence[float]
    failures: Sequence[str]


class Texts:
    """The nodes of a pool of one instance."""

    connected = True

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = {Blob.of(text): text for text in texts}

    def fetch(self, blobs: Sequence[Blob]) -> Sequence[str]:
        """The texts of parts."""
        return [self._texts[blob] for blob in blobs]

    def instances(self) -> int:
        """How many there are."""
        return 1

    def publish(self, status: bytes) -> None:
        """Nobody reads it there."""


class Instance:
    """An lbmgr whose HAProxy serves the pool by TLS."""

    def __init__(self, directory: Path, sockets: Path) -> None:
        haproxy = program.find()
        self.port = free_port()
        self.version = haproxy.version
        self.status: InstanceStatus | None = None
        ports = {"web": self.port, "stats": free_port()}
        settings = Settings(
            task_id="task-1", pod="one", pool="web", hostname="here", ports=ports, sandbox=directory, sockets=sockets
        )
        self.agent = Agent(settings, binary=haproxy.path, version=haproxy.version, on_status=self._told)
        self.thread = threading.Thread(target=self.agent.run, name="lbmgr")

    def serve(self) -> None:
        """Begin to follow a structure."""
        texts = render(build_config(load_pool(_POOL))).values()
        head = Structure(
            pool="web",
            pool_uid="u",
            pool_version=1,
            epoch=1,
            version=1,
            parts={text.part.name: text.part for text in texts},
        )
        self.thread.start()
        self.agent.attach(Texts([text.text for text in texts]))
        self.agent.endpoints_seen(
            encode_endpoints(Endpoints(pool="web", lineage="one", epoch=1, sequence=0, base=0, shards=None))
        )
        self.agent.structure_seen(head)

    def bring(self, certificate: bytes) -> None:
        """Let the store have this certificate."""
        self.agent.material.fill("secrets", {"web.pem": certificate})

    @property
    def reloads(self) -> int:
        """How often HAProxy was loaded anew."""
        return self.status.counters["reload"] if self.status is not None else 0

    def _told(self, status: InstanceStatus) -> None:
        self.status = status


@contextmanager
def _instance() -> Iterator[Instance]:
    sockets = SocketDirectory()
    try:
        with tempfile.TemporaryDirectory() as directory:
            instance = Instance(Path(directory), sockets.path)
            instance.serve()
            try:
                yield instance
            finally:
                instance.agent.stop()
                instance.thread.join()
    finally:
        sockets.close()


def _context() -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    return found


def _greet(port: int, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain) as found,
    ):
        return found.getpeercert(binary_form=True) or b""


def _clients(port: int, rate: float, begun: Barrier, stop: Event, results: "multiprocessing.Queue[Tally]") -> None:
    begun.wait(_PATIENCE)
    context, times, failures = _context(), [], []
    due = time.monotonic()
    while not stop.is_set():
        due = max(due + 1 / rate, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        try:
            _greet(port, context)
        except OSError as error:
            failures.append(str(error))
        else:
            times.append(time.monotonic() - began)
    results.put(Tally(times, failures))


def _await(port: int, certificate: bytes, context: ssl.SSLContext) -> None:
    """Until this certificate is served."""
    text = certificate.decode()
    end = "-----END CERTIFICATE-----"
    wanted = ssl.PEM_cert_to_DER_cert(text[: text.index(end) + len(end)])
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if _greet(port, context) == wanted:
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise TimeoutError(f"a certificate was not served within {_PATIENCE:g} s")
        time.sleep(0.001)


def measure(rotations: int, rate: float) -> Report:
    """Replace the certificate so often under so many handshakes per second."""
    now = datetime.datetime.now(datetime.UTC)
    certificates = [autocert.make(f"web-{number}", (), now) for number in range(rotations + 1)]
    context, seconds = _context(), []
    with _instance() as instance:
        instance.bring(certificates[0])
        _await(instance.port, certificates[0], context)
        spawning = multiprocessing.get_context("forkserver")
        begun, stop, results = spawning.Barrier(_PROCESSES + 1), spawning.Event(), spawning.Queue()
        clients = [
            spawning.Process(
                target=_clients, args=(instance.port, rate / _PROCESSES, begun, stop, results), daemon=True
            )
            for _ in range(_PROCESSES)
        ]
        for process in clients:
            process.start()
        begun.wait(_PATIENCE)
        rest(3.0)
        before, began = instance.reloads, time.monotonic()
        for number, certificate in enumerate(certificates[1:], 1):
            told = time.monotonic()
            instance.bring(certificate)
            _await(instance.port, certificate, context)
            seconds.append(time.monotonic() - told)
            if number % 20 == 0:
                progress(f"{number} of {rotations} certificates")
            rest(0.1)
        lasted, reloads = time.monotonic() - began, instance.reloads - before
        stop.set()
        tallies = [results.get(timeout=_PATIENCE) for _ in clients]
        for process in clients:
            process.join()
    times = [one for tally in tallies for one in tally.times]
    failures = [one for tally in tallies for one in tally.failures]
    if failures:
        progress(f"the first failure: {failures[0]}")
    figures: dict[str, float | int | str] = {
        "HAProxy": instance.version,
        "rotations": rotations,
        "handshakes": len(times) + len(failures),
        "seconds": lasted,
        "handshake p50, ms": percentile(times, 0.5) * 1000,
        "handshake p99, ms": percentile(times, 0.99) * 1000,
        "from the store to HAProxy p50, ms": percentile(seconds, 0.5) * 1000,
        "from the store to HAProxy p99, ms": percentile(seconds, 0.99) * 1000,
    }
    bars = [
        Bar(name="failed handshakes", value=float(len(failures)), limit=0),
        Bar(name="reloads", value=float(reloads), limit=0),
    ]
    return Report(name="tls_rotation", figures=figures, bars=bars)


def _options() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--rotations", type=int, help="how often a certificate is replaced; default 100, quick 20")
    made.add_argument("--handshakes", type=float, default=500.0, metavar="RATE", help="per second; default 500")
    return made.parse_args()


def main() -> int:
    """Measure and report."""
    options = _options()
    stoppable()
    rotations = options.rotations or (20 if options.quick else 100)
    return measure(rotations, options.handshakes).finish(options)


if __name__ == "__main__":
    sys.exit(main())
