"""What the other processes publish about a pool in ZooKeeper: the rendered bundle and the status of its instances.

Knows the nodes, also those that a deleted pool leaves for a while; their bytes are decoded by pool_executor.bundle.
Reads only, but for the acceptance of a removal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from api.dcos_template.problem import Held, Problem, decode_problem
from api.server_counts import ServerCounts
from pool_executor.bundle import Head, InstanceStatus, Part, PartDecoder, decode_head, decode_status
from sdk.errors import CorruptRecord
from sdk.storage.connection import NodeExists, NoNode, ZooKeeper, encode_json

_log = structlog.get_logger()


def read_part(zookeeper: ZooKeeper, base: str, part: Part) -> str | None:
    """The text of one part of the bundle at `base`, None when it was removed meanwhile. May raise CorruptRecord."""
    path = f"{base}/parts/{part.sha256}"
    decoder = PartDecoder(part)
    whole = zookeeper.get(path)
    if whole is not None:
        decoder.feed(whole[0])
        return decoder.text()
    index = 0
    while (chunk := zookeeper.get(f"{path}.{index}")) is not None:
        if decoder.feed(chunk[0]):
            return decoder.text()
        index += 1
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Reads below one root; `framework` names the one that runs the pools."""

    zookeeper: ZooKeeper
    root: str
    framework: str
    counts: ServerCounts = field(default_factory=ServerCounts)

    def head(self, pool: str) -> Head | None:
        """The head of the pool's bundle, None when nothing has been rendered yet."""
        found = self.zookeeper.get(f"{self.root}/rendered/{pool}")
        # The node may be made, empty, before the first head is written to it.
        return decode_head(found[0]) if found and found[0] else None

    def part(self, pool: str, part: Part) -> str | None:
        """The text of one part, None when it was removed meanwhile."""
        return read_part(self.zookeeper, f"{self.root}/rendered/{pool}", part)

    def problem(self, pool: str) -> Problem | None:
        """What is wrong with the pool, None when nothing is. May raise CorruptRecord."""
        path = f"{self.root}/rendered/{pool}/problem"
        found = self.zookeeper.get(path)
        return None if found is None else decode_problem(path, found[0])

    def accept_removal(self, pool: str) -> Held | None:
        """Write down that what is held now may go, and tell what it is; None when nothing is. May raise CorruptRecord.

        The template looks for it; a hold that begins later is not meant.
        """
        problem = self.problem(pool)
        if problem is None or problem.held is None:
            return None
        path, data = f"{self.root}/rendered/{pool}/acceptance", encode_json({"since": problem.held.since})
        try:
            self.zookeeper.create(path, data)
        except NodeExists:
            self.zookeeper.set(path, data)
        except NoNode:
            return None  # the pool goes at this moment
        return problem.held

    def servers(self, head: Head) -> Mapping[str, int] | None:
        """How many servers each backend has in the bundle, without those that have none; None when there is a newer
        bundle by now. May raise CorruptRecord.
        """
        return self.counts.of(head, lambda part: self.part(head.pool, part))

    def instances(self, pool: str) -> list[InstanceStatus]:
        """What the instances say of themselves, by pod and task id. One that cannot be read is left out and logged."""
        base = f"{self.root}/instances/{pool}"
        found = []
        for task_id in self.zookeeper.children(base):
            node = self.zookeeper.get(f"{base}/{task_id}")
            if node is None:
                continue  # ended between the two reads
            try:
                found.append(decode_status(node[0]))
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
        """The rendered configuration as one text, None when there is none of the pool with this uid.

        May raise CorruptRecord.
        """
        # A part may be removed between reading the head and reading it: then there is a newer head.
        for _ in range(5):
            head = self.head(pool)
            if head is None or head.pool_uid != uid:
                return None
            texts = [(part, self.part(pool, part)) for part in (*head.of_kind("config"), *head.of_kind("map"))]
            if all(text is not None for _, text in texts):
                return _joined(head, [(part, text) for part, text in texts if text is not None])
        raise CorruptRecord(f"{self.root}/rendered/{pool}", "names parts that do not exist")


def _joined(head: Head, texts: list[tuple[Part, str]]) -> str:
    ports = ", ".join(f"{variable} is the port {name}" for variable, name in sorted(head.ports.items()))
    lines = [
        f"# Pool {head.pool}: version {head.version} of its configuration (epoch {head.epoch}), from version"
        f" {head.pool_version} of the pool.",
        "# Each instance adds 00-instance.cfg, which sets what differs between instances:",
        f"# {ports or 'no ports'}.",
    ]
    for part, text in texts:
        lines += ["", f"# ---- {part.name}"]
        # A map is no configuration: as comments the whole stays readable by HAProxy.
        lines += text.splitlines() if part.kind == "config" else [f"# {line}" for line in text.splitlines()]
    return "\n".join(lines) + "\n"
