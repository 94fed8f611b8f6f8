"""The bundle: what dcos-template publishes for a pool and what lbmgr acknowledges.

Knows the JSON of the head and of the instance status, the form of a server line, the skeleton of a part and how a part
is packed into ZooKeeper nodes. Knows nothing of ZooKeeper itself, of pools or of HAProxy's other keywords. The written
contract is docs/reference/contracts.md.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from sdk.errors import CorruptRecord

SCHEMA = 1
#: ZooKeeper drops packets above 1 MiB; half of that leaves room for a multi around the part.
MAX_NODE_BYTES = 512_000
#: A part larger than this is a mistake of the writer; the reader must not let it fill the agent's memory.
MAX_PART_BYTES = 64 * 1024 * 1024
MAX_SERVER_ID = 2**31 - 1
INSTANCE_FILE = "00-instance.cfg"

Kind = Literal["config", "map"]
Verdict = Literal["starting", "applied", "waiting", "rejected"]
VERDICTS: tuple[Verdict, ...] = ("starting", "applied", "waiting", "rejected")
ACTIONS = ("noop", "dynamic", "reload", "reject")

_PART_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PORT_VARIABLE = re.compile(r"PORT_[A-Z0-9_]{1,128}")
# Narrower than HAProxy's own grammar: nothing that its parser or its command line would unquote, expand or split at.
# A line outside this form is not a server line; it belongs to the skeleton, and a change of it is a reload.
_SERVER_LINE = re.compile(
    r"    server (?P<name>[A-Za-z0-9_.:-]+) (?P<address>[A-Za-z0-9_.:\[\]-]+):(?P<port>[0-9]{1,5})"
    r" id (?P<id>[0-9]{1,10})(?P<options>(?: [A-Za-z0-9_.:,/@%+*()=\[\]-]+)*)"
)
_SECTION = re.compile(r"(?P<kind>[a-z][a-z0-9_-]*)(?:[ \t]+(?P<name>\S+)(?:[ \t]+from[ \t]+(?P<base>\S+))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of a bundle: `sha256` and `size` are of the plain UTF-8 text; `skeleton` only for config parts."""

    name: str
    kind: Kind
    sha256: str
    size: int
    skeleton: str | None = None

    @classmethod
    def of(cls, name: str, kind: Kind, text: str) -> "Part":
        """The part that describes `text`."""
        data = text.encode()
        return cls(
            name=name,
            kind=kind,
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            skeleton=skeleton(text) if kind == "config" else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a bundle: `(epoch, version)` orders heads, `parts` is the content, `ports` what it needs."""

    pool: str
    epoch: int
    version: int
    pool_version: int
    task_revision: int
    ports: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, int]:
        """What orders the heads of a pool."""
        return (self.epoch, self.version)

    def of_kind(self, kind: Kind) -> tuple[Part, ...]:
        """The parts of one kind in the order of their names, which is the order HAProxy reads them in."""
        return tuple(self.parts[name] for name in sorted(self.parts) if self.parts[name].kind == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server line. `options` is the text after the id, one space between words."""

    name: str
    address: str
    port: int
    id: int
    options: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The options split at spaces."""
        return tuple(self.options.split())

    def line(self) -> str:
        """The line as it stands in a part."""
        return (
            f"    server {self.name} {self.address}:{self.port} id {self.id}{' ' if self.options else ''}{self.options}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a config part: `kind` as `backend` or `defaults`, its other lines and its server lines.

    `base` is the name after `from`, of the defaults section that it inherits from.
    """

    kind: str
    name: str
    base: str = ""
    lines: tuple[str, ...]
    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HaproxyInfo:
    """The HAProxy of an instance: its version and its process ids."""

    version: str
    master: int | None
    workers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """What one pool instance says of itself; `since` is when verdict or version last changed, in epoch seconds."""

    task_id: str
    pod: str
    hostname: str
    addresses: tuple[str, ...]
    public: tuple[str, ...]
    ports: Mapping[str, int]
    epoch: int
    version: int
    verdict: Verdict
    action: str | None
    reason: str
    error: str | None
    rejected_version: int | None
    healthy: bool
    since: float
    haproxy: HaproxyInfo
    counters: Mapping[str, int]


# ---------------------------------------------------------------- names


def port_key(name: str) -> str:
    """The KEY of a port name: `web-https` is `WEB_HTTPS`.

    A name with anything but a-z, 0-9 and - gets a digest at its end, so that no two names share a key.
    """
    key = re.sub(r"[^A-Z0-9]", "_", name.upper(), flags=re.ASCII)
    if re.fullmatch(r"[a-z0-9-]+", name):
        return key
    return f"{key[:96]}_{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def port_variable(name: str) -> str:
    """The variable through which the text of a bundle uses the port `name`."""
    return f"PORT_{port_key(name)}"


# ---------------------------------------------------------------- server lines and skeletons


def parse_server(line: str) -> Server | None:
    """The server that `line` (without its line end) defines, or None when it is not a server line."""
    match = _SERVER_LINE.fullmatch(line)
    if match is None:
        return None
    server_id, port = int(match["id"]), int(match["port"])
    if not 1 <= server_id <= MAX_SERVER_ID or not 0 <= port <= 65535:
        return None
    return Server(
        name=match["name"],
        address=match["address"],
        port=port,
        id=server_id,
        options=match["options"].removeprefix(" "),
    )


def skeleton(text: str) -> str:
    """The sha256 of a config part without its server lines: two parts with equal skeletons differ only in servers."""
    digest = hashlib.sha256()
    # HAProxy ends lines at \n alone; str.splitlines() would also split inside comments and regexes.
    for line in text.split("\n"):
        if parse_server(line) is None:
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def split_servers(text: str) -> tuple[Section, ...]:
    """The sections of a config part in order, with the server lines of each apart from its other lines.

    Comments and blank lines before the first section are left out.
    """
    sections: list[Section] = []
    kind: str | None = None
    name = base = ""
    lines: list[str] = []
    servers: list[Server] = []

    def close() -> None:
        if kind is not None:
            sections.append(Section(kind=kind, name=name, base=base, lines=tuple(lines), servers=tuple(servers)))

    for line in text.split("\n"):
        header = _SECTION.match(line)
        if header is not None:
            close()
            kind, name, base = header["kind"], header["name"] or "", header["base"] or ""
            lines, servers = [], []
            continue
        server = parse_server(line)
        if server is not None and kind is not None:
            servers.append(server)
        else:
            lines.append(line)
    close()
    return tuple(sections)


# ---------------------------------------------------------------- parts as ZooKeeper nodes


def encode_part(text: str, max_node_bytes: int = MAX_NODE_BYTES) -> list[tuple[str, bytes]]:
    """The nodes below `parts/` that hold `text`, in the order in which they must be created.

    One node named by the sha256, or `<sha256>.0`, `<sha256>.1`, ... when it would be too large. The first is written
    last, so a reader that finds it finds the others.
    """
    data = text.encode()
    name = hashlib.sha256(data).hexdigest()
    packed = zlib.compress(data, 1)
    if len(packed) <= max_node_bytes:
        return [(name, packed)]
    chunks = [packed[at : at + max_node_bytes] for at in range(0, len(packed), max_node_bytes)]
    return [(f"{name}.{index}", chunk) for index, chunk in enumerate(chunks)][::-1]


class PartDecoder:
    """Puts one part together from its nodes, fed in order, without trusting a byte of them."""

    def __init__(self, part: Part) -> None:
        if part.size > MAX_PART_BYTES:
            raise CorruptRecord(f"parts.{part.name}.size", f"{part.size} bytes; at most {MAX_PART_BYTES} are read")
        self._part = part
        self._inflate = zlib.decompressobj()
        self._text = bytearray()

    def feed(self, chunk: bytes) -> bool:
        """Take one node's data; True when the part is complete. Raises CorruptRecord when it cannot be this part."""
        path = f"parts/{self._part.sha256}"
        try:
            # One byte beyond the announced size is enough to know that it is wrong.
            self._text += self._inflate.decompress(chunk, max(1, self._part.size + 1 - len(self._text)))
        except zlib.error as error:
            raise CorruptRecord(path, f"not a zlib stream: {error}") from error
        if len(self._text) > self._part.size or (self._inflate.eof and len(self._text) != self._part.size):
            raise CorruptRecord(path, f"is not the {self._part.size} bytes that the head announces")
        if self._inflate.eof and self._inflate.unused_data:
            raise CorruptRecord(path, "has bytes after its end")
        return self._inflate.eof

    def text(self) -> str:
        """The whole text, checked against size and sha256."""
        path = f"parts/{self._part.sha256}"
        if not self._inflate.eof:
            raise CorruptRecord(path, f"ends after {len(self._text)} of {self._part.size} bytes")
        if hashlib.sha256(self._text).hexdigest() != self._part.sha256:
            raise CorruptRecord(path, "its content does not have the sha256 of its name")
        try:
            return self._text.decode()
        except UnicodeDecodeError as error:
            raise CorruptRecord(path, f"is not UTF-8: {error}") from error


def decode_part(part: Part, chunks: Iterable[bytes]) -> str:
    """The text of `part` from the data of its nodes: the whole one, or `.0`, `.1`, ... in order."""
    decoder = PartDecoder(part)
    for chunk in chunks:
        if decoder.feed(chunk):
            break
    return decoder.text()


# ---------------------------------------------------------------- JSON


def encode_head(head: Head) -> bytes:
    """The bytes of `R/rendered/<pool>`."""
    return _dump(
        {
            "schema": SCHEMA,
            "pool": head.pool,
            "epoch": head.epoch,
            "version": head.version,
            "pool_version": head.pool_version,
            "task_revision": head.task_revision,
            "ports": dict(head.ports),
            "parts": {
                part.name: {"kind": part.kind, "sha256": part.sha256, "size": part.size}
                | ({"skeleton": part.skeleton} if part.kind == "config" else {})
                for part in head.parts.values()
            },
        }
    )


def decode_head(data: bytes) -> Head:
    """The head that `data` holds; raises CorruptRecord with the field path of the first thing that is wrong."""
    record = _load(data, "head")
    schema = record.integer("schema", 1)
    if schema != SCHEMA:
        raise CorruptRecord("schema", f"is {schema}; this program reads schema {SCHEMA}, a newer one wrote it")
    parts: dict[str, Part] = {}
    declared = record.mapping("parts")
    for name in declared.names():
        if not _PART_NAME.fullmatch(name) or name == INSTANCE_FILE:
            raise CorruptRecord(
                f"parts.{name}", f"is not a name a part may have ({_PART_NAME.pattern}, not {INSTANCE_FILE})"
            )
        parts[name] = _decode_part_entry(name, declared.mapping(name))
    ports = record.mapping("ports")
    for variable in ports.names():
        if not _PORT_VARIABLE.fullmatch(variable):
            raise CorruptRecord(f"ports.{variable}", f"is not a port variable ({_PORT_VARIABLE.pattern})")
    return Head(
        pool=record.text("pool"),
        epoch=record.integer("epoch", 0),
        version=record.integer("version", 0),
        pool_version=record.integer("pool_version", 0),
        task_revision=record.integer("task_revision", 0),
        ports={variable: ports.text(variable) for variable in ports.names()},
        parts=parts,
    )


def _decode_part_entry(name: str, entry: "_Record") -> Part:
    kind = entry.text("kind")
    if kind not in ("config", "map"):
        raise CorruptRecord(entry.path("kind"), f"is {kind!r}; it is 'config' or 'map'")
    if kind == "config" and not name.endswith(".cfg"):
        raise CorruptRecord(
            f"parts.{name}", "is a config part whose name does not end in .cfg; HAProxy would not read it"
        )
    return Part(
        name=name,
        kind=cast(Kind, kind),
        sha256=entry.digest("sha256"),
        size=entry.integer("size", 0),
        skeleton=entry.digest("skeleton") if kind == "config" else None,
    )


def encode_status(status: InstanceStatus) -> bytes:
    """The bytes of `R/instances/<pool>/<task id>`."""
    return _dump(
        {
            "task_id": status.task_id,
            "pod": status.pod,
            "hostname": status.hostname,
            "addresses": list(status.addresses),
            "public": list(status.public),
            "ports": dict(status.ports),
            "epoch": status.epoch,
            "version": status.version,
            "verdict": status.verdict,
            "action": status.action,
            "reason": status.reason,
            "error": status.error,
            "rejected_version": status.rejected_version,
            "healthy": status.healthy,
            "since": status.since,
            "haproxy": {
                "version": status.haproxy.version,
                "master": status.haproxy.master,
                "workers": list(status.haproxy.workers),
            },
            "counters": dict(status.counters),
        }
    )


def decode_status(data: bytes) -> InstanceStatus:
    """The status that `data` holds; raises CorruptRecord with the field path of the first thing that is wrong."""
    record = _load(data, "status")
    verdict = record.text("verdict")
    if verdict not in VERDICTS:
        raise CorruptRecord("verdict", f"is {verdict!r}; it is one of {', '.join(VERDICTS)}")
    haproxy, ports, counters = record.mapping("haproxy"), record.mapping("ports"), record.mapping("counters")
    return InstanceStatus(
        task_id=record.text("task_id"),
        pod=record.text("pod"),
        hostname=record.text("hostname"),
        addresses=record.texts("addresses"),
        public=record.texts("public"),
        ports={name: ports.integer(name, 0) for name in ports.names()},
        epoch=record.integer("epoch", 0),
        version=record.integer("version", 0),
        verdict=verdict,
        action=record.optional_text("action"),
        reason=record.text("reason"),
        error=record.optional_text("error"),
        rejected_version=record.optional_integer("rejected_version", 0),
        healthy=record.boolean("healthy"),
        since=record.number("since"),
        haproxy=HaproxyInfo(
            version=haproxy.text("version"),
            master=haproxy.optional_integer("master", 1),
            workers=haproxy.integers("workers", 1),
        ),
        counters={name: counters.integer(name, 0) for name in counters.names()},
    )


def _dump(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _load(data: bytes, what: str) -> "_Record":
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(what, f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorruptRecord(what, "is not a JSON object")
    return _Record(value, "")


class _Record:
    """A JSON object that is read field by field; every complaint names the path of the field."""

    def __init__(self, fields: Mapping[str, object], prefix: str) -> None:
        self._fields = fields
        self._prefix = prefix

    def path(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def names(self) -> Sequence[str]:
        return list(self._fields)

    def _get(self, name: str) -> object:
        if name not in self._fields:
            raise CorruptRecord(self.path(name), "is missing")
        return self._fields[name]

    def _wrong(self, name: str, wanted: str) -> CorruptRecord:
        return CorruptRecord(self.path(name), f"is {self._fields.get(name)!r:.80}; it must be {wanted}")

    def mapping(self, name: str) -> "_Record":
        value = self._get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return _Record(value, f"{self.path(name)}.")

    def text(self, name: str) -> str:
        value = self._get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._get(name) is None else self.text(name)

    def digest(self, name: str) -> str:
        value = self.text(name)
        if not _SHA256.fullmatch(value):
            raise self._wrong(name, "a sha256 in lower-case hexadecimal")
        return value

    def integer(self, name: str, least: int) -> int:
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self._wrong(name, f"an integer of at least {least}")
        return value

    def optional_integer(self, name: str, least: int) -> int | None:
        return None if self._get(name) is None else self.integer(name, least)

    def number(self, name: str) -> float:
        value = self._get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(name, "a number")
        return float(value)

    def boolean(self, name: str) -> bool:
        value = self._get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def _items(self, name: str) -> list[object]:
        value = self._get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        items = self._items(name)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(name, "a list of strings")
        return tuple(cast(list[str], items))

    def integers(self, name: str, least: int) -> tuple[int, ...]:
        items = self._items(name)
        if not all(isinstance(item, int) and not isinstance(item, bool) and item >= least for item in items):
            raise self._wrong(name, f"a list of integers of at least {least}")
        return tuple(cast(list[int], items))
