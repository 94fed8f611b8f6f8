"""What the other processes publish about a pool in ZooKeeper: structure, endpoints, and the status of its instances.

Knows the nodes, also those that a deleted pool leaves for a while; their bytes are decoded by pool_executor.contract.
Reads only, but for the acceptance of a removal.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from api.dcos_template.publishing.problem import Held, Problem, decode_problem
from api.observed.read_ahead import ReadAhead
from api.observed.rendered import Rendered
from api.observed.servers import PublishedServers, counted
from pool_executor.contract import (
    BackendFacts,
    Blob,
    Endpoints,
    InstanceStatus,
    Part,
    Servers,
    Structure,
    compose,
    decode_endpoints,
    decode_status,
    decode_structure,
    server_line,
)
from sdk.errors import CorruptRecord
from sdk.storage.blobs import BlobMissing, read_blobs
from sdk.storage.connection import NodeExists, NoNode, ZooKeeper, encode_json

_log = structlog.get_logger()

#: Who knows it can choose the server that somebody else is led to.
_COOKIE_KEY = re.compile(r"^( *dynamic-cookie-key ).*", re.MULTILINE)

#: A newer head may come between reading a head and reading its parts.
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Reads below one root; `framework` names the one that runs the pools."""

    zookeeper: ZooKeeper
    root: str
    framework: str
    reads: ReadAhead
    followed: PublishedServers = field(default_factory=PublishedServers)

    def ahead(self, pools: Collection[str]) -> "Published":
        """The same for one request that looks at all of these pools: what it will read has been asked for together."""
        reads = ReadAhead(self.zookeeper)
        reads.nodes(f"{self._folder(pool)}/{name}" for pool in pools for name in ("structure", "endpoints", "problem"))
        # After the heads, so that an instance that follows them is not seen behind.
        reads.folders(f"{self.root}/instances/{pool}" for pool in pools)
        return replace(self, reads=reads)

    def structure(self, pool: str) -> Structure | None:
        """The head of the pool's structure, None when nothing has been rendered yet. May raise CorruptRecord."""
        found = self.reads.data(f"{self._folder(pool)}/structure")
        return None if found is None else decode_structure(found)

    def endpoints(self, pool: str) -> Endpoints | None:
        """The head of the pool's endpoints, None when nothing has been published yet. May raise CorruptRecord."""
        found = self.zookeeper.get(f"{self._folder(pool)}/endpoints")
        return None if found is None else decode_endpoints(found[0])

    def rendered(self, pool: str) -> Rendered:
        """What is published for the pool. May raise CorruptRecord."""
        structure = self.structure(pool)
        endpoints, servers = self._endpoints(pool)
        return Rendered(structure=structure, endpoints=endpoints, servers=None if servers is None else counted(servers))

    def servers(self, pool: str) -> Servers:
        """The servers that are published for the pool, by backend and name. May raise CorruptRecord."""
        return self._endpoints(pool)[1] or {}

    def _endpoints(self, pool: str) -> tuple[Endpoints | None, Servers | None]:
        for _ in range(_TRIES):
            found = self.reads.data(f"{self._folder(pool)}/endpoints")
            if found is None:
                self.followed.forget(pool)
                return None, None
            head = decode_endpoints(found)
            with suppress(BlobMissing):
                return head, self.followed.of(head, lambda blobs: self._texts(pool, blobs))
        raise CorruptRecord(f"{self._folder(pool)}/endpoints", "names parts that do not exist")

    def _texts(self, pool: str, blobs: Iterable[Blob]) -> list[str]:
        return read_blobs(self.zookeeper.get_all, f"{self._folder(pool)}/parts", blobs)

    def _folder(self, pool: str) -> str:
        return f"{self.root}/rendered/{pool}"

    def problem(self, pool: str) -> Problem | None:
        """What is wrong with the pool, None when nothing is. May raise CorruptRecord."""
        path = f"{self._folder(pool)}/problem"
        found = self.reads.data(path)
        return None if found is None else decode_problem(path, found)

    def accept_removal(self, pool: str) -> Held | None:
        """Write down that what is held now may go, and tell what it is; None when nothing is. May raise CorruptRecord.

        The template looks for it; a hold that begins later is not meant.
        """
        problem = self.problem(pool)
        if problem is None or problem.held is None:
            return None
        path, data = f"{self._folder(pool)}/acceptance", encode_json({"since": problem.held.since})
        try:
            self.zookeeper.create(path, data)
        except NodeExists:
            self.zookeeper.set(path, data)
        except NoNode:
            return None  # the pool goes at this moment
        return problem.held

    def pools_with_instances(self) -> list[str]:
        """The pools of which instances may tell something, also deleted ones."""
        return sorted(self.zookeeper.children(f"{self.root}/instances"))

    def instances(self, pool: str) -> list[InstanceStatus]:
        """What the instances say of themselves, by pod and task id. One that cannot be read is left out and logged."""
        base = f"{self.root}/instances/{pool}"
        found = []
        for task_id in self.reads.children(base):
            node = self.reads.data(f"{base}/{task_id}")
            if node is None:
                continue  # ended between the two reads
            try:
                found.append(decode_status(node))
            except CorruptRecord as error:
                _log.warning("The status of an instance cannot be read", pool=pool, task_id=task_id, error=str(error))
        return sorted(found, key=lambda status: (status.pod, status.task_id))

    def left_of(self, pool: str) -> list[str]:
        """Which nodes of a deleted pool are still there: whoever made each removes it when his part is done."""
        places = ("instances", "rendered", f"frameworks/{self.framework}/services")
        return [place for place in places if self.zookeeper.exists(f"{self.root}/{place}/{pool}")]

    def left_of_framework(self) -> list[str] | None:
        """What is left after an uninstall, as words; None while the framework itself is stored."""
        if self.zookeeper.exists(f"{self.root}/frameworks/{self.framework}/framework"):
            return None
        found = {name: self.zookeeper.children(f"{self.root}/{name}") for name in ("pools", "instances", "rendered")}
        return [f"{name} of {', '.join(pools[:5])}" for name, pools in found.items() if pools]

    def config_text(self, pool: str, uid: str) -> str | None:
        """The rendered configuration with the servers as one text, None when there is none of the pool with this uid.

        May raise CorruptRecord.
        """
        for _ in range(_TRIES):
            head = self.structure(pool)
            if head is None or head.pool_uid != uid:
                return None
            parts = [*head.of_kind("config"), *head.of_kind("map")]
            with suppress(BlobMissing):
                texts = self._texts(pool, [part.blob for part in parts])
                return _joined(head, list(zip(parts, texts, strict=True)), *self._endpoints(pool))
        raise CorruptRecord(f"{self._folder(pool)}/structure", "names parts that do not exist")


def _joined(
    head: Structure, texts: list[tuple[Part, str]], endpoints: Endpoints | None, servers: Servers | None
) -> str:
    wanted = {variable: name for part in head.parts.values() for variable, name in part.needs.ports.items()}
    ports = ", ".join(f"{variable} is the port {name}" for variable, name in sorted(wanted.items()))
    changes = f"its servers after change {endpoints.sequence} of them" if endpoints else "without servers yet"
    lines = [
        f"# Pool {head.pool}: version {head.version} of its configuration (epoch {head.epoch}), from version"
        f" {head.pool_version} of the pool; {changes}.",
        "# Each instance adds 00-instance.cfg, which sets what differs between instances:",
        f"# {ports or 'no ports'}.",
    ]

    def lines_of(facts: BackendFacts) -> Iterator[str]:
        of_backend = (servers or {}).get(facts.backend, {})
        return (server_line(of_backend[name], facts.options) for name in sorted(of_backend))

    for part, text in texts:
        lines += ["", f"# ---- {part.name}"]
        # A map is no configuration: as comments the whole stays readable by HAProxy.
        if part.kind == "config":
            lines += compose(_COOKIE_KEY.sub(r"\1hidden", text), lines_of).splitlines()
        else:
            lines += [f"# {line}" for line in text.splitlines()]
    return "\n".join(lines) + "\n"
