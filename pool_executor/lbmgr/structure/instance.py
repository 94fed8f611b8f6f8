"""The text of `00-instance.cfg`, which holds what differs between the instances of a pool. Pure.

Knows the variables that a bundle may use and the sockets that lbmgr needs. Does not know the other parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from pool_executor.contract import AUTOCERT_FILE, ENVFILE, KINDS, SECRETS, port_variable
from pool_executor.lbmgr.haproxy.old_workers import WorkerLimits
from pool_executor.lbmgr.haproxy.resources import Resources

#: The backend whose only server is up while new traffic is welcome; the health answer looks at it.
SERVING = "_lbmgr/serving"
#: The map file among the sockets that says whether a leaving worker hands requests on to its successor, and its entry.
RELAY_MAP, RELAY_ENTRY = "relay.map", "relay yes\n"
#: The directory of a version with the lists of certificates.
CERTS = "certs"
_SPARE_CONNECTIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What one instance fills into the bundle: its task id, its ports by name and its directories."""

    task_id: str
    ports: Mapping[str, int]
    sockets: PurePath
    state: PurePath
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    resources: Resources = field(default_factory=Resources)
    cores: int = 1
    """Of the machine, as far as they may be used."""

    @property
    def admin_socket(self) -> PurePath:
        """The stats socket of the worker."""
        return self.sockets / "admin.sock"

    @property
    def master_socket(self) -> PurePath:
        """The socket of the master process."""
        return self.sockets / "master.sock"

    @property
    def material(self) -> PurePath:
        """The directory of certificates and other files that are the instance's alone."""
        return self.sockets / "material"

    def text(self, marker: str, directory: PurePath, *, welcome: bool) -> str:
        """The file, for a version in `directory`; `marker` is read back with `show info` and proves that a worker has
        read it.

        `welcome`: whether the health answer shall ask for traffic from the first moment.
        """
        variables = {
            "AUTOCERT": str(self.material / AUTOCERT_FILE),
            "CERTS": str(directory / CERTS),
            "CONNECTIONS": str(self.resources.connections),
            "ENVFILE": str(self.material / ENVFILE),
            "INSTANCE": self.task_id,
            "MAPS": str(directory / KINDS["map"].directory),
            "SECRETS": str(self.material / SECRETS),
            "SOCKETS": str(self.sockets),
            "STATE": str(self.state),
        } | {port_variable(name): str(port) for name, port in self.ports.items()}
        lines = [
            "# Written by lbmgr for this instance. The other files are the same for all instances of the pool.",
            "global",
            f"    description {_quote(marker)}",
            *(f"    setenv {name} {_quote(value)}" for name, value in sorted(variables.items())),
            f"    stats socket {_quote(str(self.admin_socket))} mode 600 level admin expose-fd listeners",
            # Files that options of servers name: those are told at run time, too, where no variable is filled in.
            f"    ca-base {_quote(str(self.material))}",
            f"    crt-base {_quote(str(self.material))}",
            f"    nbthread {self.resources.threads(self.cores)}",
            # Frontends take CONNECTIONS each, so that health and statistics are answered when one of them is full.
            f"    maxconn {self.resources.connections + _SPARE_CONNECTIONS}",
            # Where the limit of open files is lower, serving fewer connections is better than not starting.
            "    no strict-limits",
            f"    hard-stop-after {_milliseconds(self.limits.hard_stop_after)}",
            *([f"    close-spread-time {_milliseconds(spread)}"] if (spread := self.limits.close_spread) else []),
            # lbmgr ends old workers itself: by how many there are and what they cost, not by how many reloads they saw.
            "    mworker-max-reloads 1000000",
            # lbmgr keeps one connection open; HAProxy's default would close it after 10 idle seconds.
            "    stats timeout 1d",
            # Ten by default: others who look at the socket, and forget to go, must not keep lbmgr out.
            "    stats maxconn 100",
            "",
            f"backend {SERVING.partition('/')[0]}",
            "    mode tcp",
            "    timeout connect 1s",
            "    timeout server 1s",
            f"    server {SERVING.partition('/')[2]} 127.0.0.1:1{'' if welcome else ' disabled'}",
            "",
        ]
        return "\n".join(lines)


def _milliseconds(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"


def _quote(word: str) -> str:
    """The word as HAProxy reads it back, whatever it consists of; line breaks cannot be quoted."""
    if "\n" in word or "\0" in word:
        raise ValueError(f"{word!r} cannot stand in a HAProxy configuration: it has a line break")
    return '"' + "".join(f"\\{char}" if char in '\\"$' else char for char in word) + '"'
