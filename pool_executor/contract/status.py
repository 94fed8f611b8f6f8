"""What a pool instance says of itself, `R/instances/<pool>/<task id>`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pool_executor.contract.record import Record, dump, load
from sdk.errors import CorruptRecord

Verdict = Literal["starting", "applied", "rejected"]
VERDICTS: tuple[Verdict, ...] = ("starting", "applied", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class HaproxyInfo:
    """The HAProxy of an instance: its version and its process ids."""

    version: str
    master: int | None
    workers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A listener that is left out because the instance lacks something, in words: `the port web`."""

    listener: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureStatus:
    """Which structure HAProxy serves (`pool_uid`, `pool_version`, `epoch`, `version`) and what became of the last one.

    When `verdict` is `rejected`, `rejected_version` is the version that was refused, `error` says why, and HAProxy goes
    on with `version`.
    """

    pool_uid: str
    pool_version: int
    epoch: int
    version: int
    verdict: Verdict
    action: str | None
    """noop, dynamic, reload or reject; None before the first."""
    reason: str
    error: str | None
    rejected_version: int | None
    waiting: tuple[Waiting, ...] = ()
    stamps: Mapping[str, float] = field(default_factory=dict)
    """Those of the head that is served, and by lbmgr `seen` and `applied`; epoch seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedServer:
    """A server that HAProxy does not have, and why."""

    backend: str
    server: str
    task: str
    reason: str


class Step(NamedTuple):
    """When lbmgr saw the operations up to `sequence`, and when HAProxy had them; epoch seconds."""

    sequence: int
    seen: float
    applied: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsStatus:
    """Up to which operation of the log HAProxy has its servers. The first twenty of `left_out` servers are named."""

    lineage: str
    sequence: int
    refused: tuple[RefusedServer, ...] = ()
    left_out: int = 0
    error: str | None = None
    stamps: Mapping[str, float] = field(default_factory=dict)
    """Those of the head with the last operation, and by lbmgr `seen` and `applied`; epoch seconds."""
    recent: tuple[Step, ...] = ()
    """How HAProxy came so far: the last steps, the oldest first."""


#: Upper bounds of the buckets of a histogram, in seconds; one more takes what is above.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A histogram of seconds: how many there were in each bucket of BOUNDS, and their sum."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    total: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendHealth:
    """A backend that has fewer usable servers (`up`) than it should have; `reason` when it has none and says why."""

    name: str
    servers: int
    up: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateStatus:
    """A file for TLS that listeners use, named as in a pool: what its first certificate says, and what is wrong.

    `issuer` is who signed it; `subject` itself where that did.
    `not_after` is in epoch seconds, None for a file by which others are judged, and for what cannot be read.
    """

    file: str
    subject: str
    names: tuple[str, ...]
    not_after: float | None
    trouble: str | None
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """An end of HAProxy that nobody asked for: when, in epoch seconds, and how, as `was ended by SIGKILL`."""

    at: float
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """What one pool instance says of itself.

    `since` is when the verdict or the structure last changed, in epoch seconds.
    `short` are the backends that lack servers, the worst first and at most a hundred: all others have theirs. None
    when HAProxy was not asked. `deaths` are the last ones of HAProxy, the oldest first. `trouble` is what is wrong with
    the instance itself.
    """

    task_id: str
    pod: str
    hostname: str
    addresses: tuple[str, ...]
    public: tuple[str, ...]
    ports: Mapping[str, int]
    structure: StructureStatus
    endpoints: EndpointsStatus
    healthy: bool
    trouble: str | None
    since: float
    haproxy: HaproxyInfo
    counters: Mapping[str, int]
    leaving: bool
    short: tuple[BackendHealth, ...] | None
    deaths: tuple[Death, ...]
    latency: Mapping[str, Latency] = field(default_factory=dict)
    """By lane, structure or endpoints: from the publishing of a head to HAProxy."""
    certificates: tuple[CertificateStatus, ...] = ()


def encode_status(status: InstanceStatus) -> bytes:
    """The bytes of the node."""
    structure, endpoints, haproxy = status.structure, status.endpoints, status.haproxy
    return dump(
        {
            "task_id": status.task_id,
            "pod": status.pod,
            "hostname": status.hostname,
            "addresses": list(status.addresses),
            "public": list(status.public),
            "ports": dict(status.ports),
            "structure": {
                "pool_uid": structure.pool_uid,
                "pool_version": structure.pool_version,
                "epoch": structure.epoch,
                "version": structure.version,
                "verdict": structure.verdict,
                "action": structure.action,
                "reason": structure.reason,
                "error": structure.error,
                "rejected_version": structure.rejected_version,
                "waiting": [{"listener": one.listener, "missing": list(one.missing)} for one in structure.waiting],
                "stamps": dict(structure.stamps),
            },
            "endpoints": {
                "lineage": endpoints.lineage,
                "sequence": endpoints.sequence,
                "refused": [
                    {"backend": one.backend, "server": one.server, "task": one.task, "reason": one.reason}
                    for one in endpoints.refused
                ],
                "left_out": endpoints.left_out,
                "error": endpoints.error,
                "stamps": dict(endpoints.stamps),
                "recent": [list(step) for step in endpoints.recent],
            },
            "healthy": status.healthy,
            "trouble": status.trouble,
            "since": status.since,
            "haproxy": {"version": haproxy.version, "master": haproxy.master, "workers": list(haproxy.workers)},
            "counters": dict(status.counters),
            "leaving": status.leaving,
            "short": None
            if status.short is None
            else [
                {"name": one.name, "servers": one.servers, "up": one.up, "reason": one.reason} for one in status.short
            ],
            "deaths": [{"at": death.at, "how": death.how} for death in status.deaths],
            "latency": {lane: {"counts": list(one.counts), "total": one.total} for lane, one in status.latency.items()},
            "certificates": [
                {
                    "file": one.file,
                    "subject": one.subject,
                    "issuer": one.issuer,
                    "names": list(one.names),
                    "not_after": one.not_after,
                    "trouble": one.trouble,
                }
                for one in status.certificates
            ],
        }
    )


def decode_status(data: bytes) -> InstanceStatus:
    """The status that `data` holds; raises CorruptRecord with the field path of the first thing that is wrong."""
    record = load(data, "status")
    haproxy, ports, counters = record.mapping("haproxy"), record.mapping("ports"), record.mapping("counters")
    return InstanceStatus(
        task_id=record.text("task_id"),
        pod=record.text("pod"),
        hostname=record.text("hostname"),
        addresses=record.texts("addresses"),
        public=record.texts("public"),
        ports={name: ports.integer(name, 0) for name in ports.names()},
        structure=_decode_structure(record.mapping("structure")),
        endpoints=_decode_endpoints(record.mapping("endpoints")),
        healthy=record.boolean("healthy"),
        trouble=record.optional_text("trouble"),
        since=record.number("since"),
        haproxy=HaproxyInfo(
            version=haproxy.text("version"),
            master=haproxy.optional_integer("master", 1),
            workers=haproxy.integers("workers", 1),
        ),
        counters={name: counters.integer(name, 0) for name in counters.names()},
        leaving=record.boolean("leaving"),
        short=tuple(map(_decode_backend, record.mappings("short"))) if record.has("short") else None,
        deaths=tuple(map(_decode_death, record.mappings("deaths"))),
        latency=_decode_latency(record.mapping("latency")),
        certificates=tuple(map(_decode_certificate, record.mappings("certificates"))),
    )


def _decode_structure(entry: Record) -> StructureStatus:
    verdict = entry.text("verdict")
    if verdict not in VERDICTS:
        raise CorruptRecord(entry.path("verdict"), f"is {verdict!r:.80}; it is one of {', '.join(VERDICTS)}")
    return StructureStatus(
        pool_uid=entry.text("pool_uid"),
        pool_version=entry.integer("pool_version", 0),
        epoch=entry.integer("epoch", 0),
        version=entry.integer("version", 0),
        verdict=verdict,
        action=entry.optional_text("action"),
        reason=entry.text("reason"),
        error=entry.optional_text("error"),
        rejected_version=entry.optional_integer("rejected_version", 0),
        waiting=tuple(
            Waiting(listener=one.text("listener"), missing=one.texts("missing")) for one in entry.mappings("waiting")
        ),
        stamps=_decode_stamps(entry),
    )


def _decode_endpoints(entry: Record) -> EndpointsStatus:
    return EndpointsStatus(
        lineage=entry.text("lineage"),
        sequence=entry.integer("sequence", 0),
        refused=tuple(
            RefusedServer(
                backend=one.text("backend"),
                server=one.text("server"),
                task=one.text("task"),
                reason=one.text("reason"),
            )
            for one in entry.mappings("refused")
        ),
        left_out=entry.integer("left_out", 0),
        error=entry.optional_text("error"),
        stamps=_decode_stamps(entry),
        recent=tuple(
            _decode_step(one, f"{entry.path('recent')}[{at}]") for at, one in enumerate(entry.items("recent"))
        ),
    )


def _decode_step(value: object, path: str) -> Step:
    match value:
        case [int(sequence), int() | float() as seen, int() | float() as applied]:
            return Step(sequence, float(seen), float(applied))
    raise CorruptRecord(path, f"is {value!r:.80}; it must be a sequence and two times")


def _decode_latency(entry: Record) -> Mapping[str, Latency]:
    found = {}
    for lane in entry.names():
        one = entry.mapping(lane)
        counts = one.integers("counts", 0)
        if len(counts) != len(BOUNDS) + 1:
            raise CorruptRecord(one.path("counts"), f"has {len(counts)} numbers, not {len(BOUNDS) + 1}")
        found[lane] = Latency(counts=counts, total=one.number("total"))
    return found


def _decode_stamps(entry: Record) -> Mapping[str, float]:
    stamps = entry.mapping("stamps")
    return {name: stamps.number(name) for name in stamps.names()}


def _decode_backend(entry: Record) -> BackendHealth:
    return BackendHealth(
        name=entry.text("name"),
        servers=entry.integer("servers", 0),
        up=entry.integer("up", 0),
        reason=entry.optional_text("reason"),
    )


def _decode_certificate(entry: Record) -> CertificateStatus:
    return CertificateStatus(
        file=entry.text("file"),
        subject=entry.text("subject"),
        issuer=entry.text("issuer"),
        names=entry.texts("names"),
        not_after=entry.number("not_after") if entry.has("not_after") else None,
        trouble=entry.optional_text("trouble"),
    )


def _decode_death(entry: Record) -> Death:
    return Death(at=entry.number("at"), how=entry.text("how"))
